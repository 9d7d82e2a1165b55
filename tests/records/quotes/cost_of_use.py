"""The cost of using a network: the digits study with ten seeds, and the meter's own constants."""

from harness.analysis.equal_cost import TIMING_ERROR
from harness.report.topics.use import _order_sentences
from harness.training import inference_meter as meter
from tests.records.quote import Quote
from tests.records.record import record

PAGE = "docs/cost-of-use.md"
DEEPER, WIDER = "resnet32", "resnet8-4"


def use(field):
    """Return a field of the report's table of use, of the deeper and of the wider network."""
    rows = {row["model"]: row for row in record("digits").rows("digits-use")}
    return [float(rows[model][field]) for model in (DEEPER, WIDER)]


def in_units(field, unit):
    return lambda: [value / unit for value in use(field)]


def multiples():
    """Return the wider network's MACs and latency over those of the deeper one."""
    macs, latency = (wider / deeper for deeper, wider in (use("macs"), use("latency_seconds")))
    return macs, "half" if latency < 0.5 else f"{latency:.2f} times"


def latency_range(model):
    milliseconds = [1000 * result.latency_seconds for result in record("digits").of(model).values()]
    return min(milliseconds), max(milliseconds)


def sentence_on_latency():
    (evidence,) = record("digits").loaded.evidence
    return [next(sentence for sentence in _order_sentences(evidence) if "latency" in sentence)]


QUOTES = [
    Quote("| MACs per image | {:.2f} million | {:.1f} million |", in_units("macs", 1e6)),
    Quote("| activations per image | {:,.0f} | {:,.0f} |", lambda: use("activations")),
    Quote("| weights | {:.2f} MB | {:.2f} MB |", in_units("weight_bytes", 1e6)),
    Quote("| latency, two threads | {:.2f} ms | {:.2f} ms |", in_units("latency_seconds", 1e-3)),
    Quote(
        "| images per second in batches of 64 | {:,.0f} | {:,.0f} |",
        lambda: [1 / seconds for seconds in use("image_seconds")],
    ),
    Quote("The wider network has {:.1f} times the MACs, less than {} of the latency", multiples),
    Quote('the report says: "{}"', sentence_on_latency),
    Quote("the latency was between {:.2f} and {:.2f} ms", lambda: latency_range("resnet8")),
    Quote("in those of ResNet-8-4, between {:.2f} and {:.2f} ms", lambda: latency_range(WIDER)),
    Quote("times that differ by less than {:.0f} %", lambda: [100 * TIMING_ERROR - 100]),
    Quote("take {} s, or {:.1f} % of", lambda: [meter._MOST_SECONDS, 100 * meter._SHARE]),
    Quote("a pass of more than {:.0f} s", lambda: [meter._MOST_PASS_SECONDS]),
]
GIVEN = []
