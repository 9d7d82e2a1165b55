"""docs/own-images.md: 300 road signs of six kinds, trained as the page says."""

import json
import re
from statistics import mean

from harness.analysis.power import ASSUMED_SPREAD, TARGET_POINTS, outlook
from tests.records.quote import Quote
from tests.records.record import RECORDS, measured, record

PAGE = "docs/own-images.md"


def _outlook():
    """Return what three seeds of three models detect, and the seeds that the target takes."""
    detectable, needed = outlook(3, 3, 1, ASSUMED_SPREAD.points)
    return f"{detectable:.2g}", f"{TARGET_POINTS:g}", needed, needed - 3, ASSUMED_SPREAD.text


def _answer():
    """Return the answer's lines on a terminal of 80 columns."""
    text = record("signs").terminal()
    return [text[text.index("signs: 3 models") : text.index("±: half")].rstrip()]


def _seeds_needed():
    return re.findall(r"(\d+) more seeds of each model", *_answer())


def _macs():
    interval = record("signs").verdict("macs").interval
    return interval.mean, f"{interval.low:.2f}".replace("-", "−"), interval.high


def _train_accuracy():
    """Return the mean accuracy of the last epoch on the training images, in percent."""
    ends = (path.read_text().splitlines()[-1] for path in (RECORDS / "signs").glob("*/epochs.jsonl"))
    return mean(json.loads(end)["train_accuracy_percent"] for end in ends)


def _accuracies():
    return mean(map(record("signs").mean, ("resnet8", "resnet14", "resnet8-2"))), _train_accuracy()


def _recall(name):
    """Return the mean over seeds of the share of a class that resnet8 recognises, in percent."""
    classes = (one for result in record("signs").of("resnet8").values() for one in result.per_class)
    return mean(one["recall_percent"] for one in classes if one["class_name"] == name)


QUOTES = [
    Quote("3 seeds can detect {} pp; {} pp takes {}: {} more, about … here (80 % power, {})", _outlook),
    Quote("{}", _answer),
    Quote("estimates {} more seeds of each model to detect 0.5 points", _seeds_needed),
    Quote(
        "was {:.2f} percentage points more accurate than the deeper one. But the interval reaches from {} to +{:.2f}",
        _macs,
    ),
    Quote("about {:.0f} % of the test images, and {:.0f} % of the training images", _accuracies),
    Quote("the stop signs `resnet8` recognises {:.0f} %", lambda: [_recall("stop")]),
    Quote("speed limit 50 only {:.0f} %", lambda: [_recall("speed-50")]),
    Quote("own 32 pixels, `resnet8` reaches {:.0f} %", lambda: [measured("signs_variants")["at_32_pixels"]]),
    Quote("instead of 50 it reaches {:.0f} %", lambda: [measured("signs_variants")["with_150_images_of_each_kind"]]),
]
GIVEN = []
