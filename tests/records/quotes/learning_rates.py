from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/learning-rates.md"
MODELS = ("resnet8", "resnet20", "resnet32", "resnet8-2", "resnet8-4")
RATES = "0.02", "0.05", "0.1"


def trials():
    return record("learning-rates").rows("digits-tuned-learning-rates-learning-rates")


def tried(model):
    """Return the held-out accuracy at each rate, and the chosen rate."""
    rows = {row["learning_rate"]: row for row in trials() if row["model"] == model}
    (chosen,) = (rate for rate, row in rows.items() if row["is_chosen"] == "True")
    return [model, *(float(rows[rate]["validation_percent"]) for rate in RATES), chosen]


def numbers():
    results = record("learning-rates").results
    trained = [result for result in results if result.mode == "full"]
    return len(results) - len(trained), len(trained)


def verdict():
    """Return the difference at an equal scale factor at the recipe's rate, and at the tuned ones."""
    rows = record("learning-rates").rows("digits-tuned-learning-rates-learning-rates-verdicts")
    (row,) = (row for row in rows if row["budget"] == "scale_factor")
    assert (row["common_outcome"], row["tuned_outcome"]) == ("wider", "no significant difference")
    return [row[key].split(": ")[1].replace(" [", " pp [") for key in ("common_text", "tuned_text")]


def one_image():
    held_out = {result.evaluation_images for result in record("learning-rates").results if result.mode != "full"}
    (images,) = held_out
    return images, 100 / images


def lost():
    """Return the accuracy of ResNet-32 at the recipe's rate less that at the tuned one."""
    tables = ("digits-accuracy", "digits-tuned-learning-rates-accuracy")
    percents = (
        float(row["accuracy_percent"])
        for table in tables
        for row in record("learning-rates").rows(table)
        if row["model"] == "resnet32"
    )
    plain, tuned = percents
    return [plain - tuned]


QUOTES = [
    Quote("are {} trials and {} trainings", numbers),
    *(Quote("| {} | {:.1f} | {:.1f} | {:.1f} | {} |", lambda model=model: tried(model)) for model in MODELS),
    Quote("wider is ahead by {} at the recipe's rate, and by {} at the tuned ones", verdict),
    Quote("On {} held-out images one image is {:.1f} points", one_image),
    Quote("ResNet-32 loses {:.1f} points", lost),
]
GIVEN = ["| model | at 0.02 | at 0.05 | at 0.1 | chosen |"]
