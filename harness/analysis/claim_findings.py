"""Findings on the statements of the paper's claims: the verdicts, their meanings, statements in words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.config.datasets import title_of
from harness.paper.claims import (
    FewerImagesWider,
    Greater,
    GrowsExponentially,
    MostAccurate,
    NearLiterature,
    PossibleF1,
    Statement,
    Times,
)
from harness.paper.literature import LITERATURE

Verdict = Literal[
    "supported", "contradicted", "no significant difference", "one run", "not tested", "arithmetic", "not measured"
]
RATIO_TOLERANCE = 0.05
"""A ratio supports a claimed ratio if it lies within 5 % of it."""
VERDICT_MEANINGS: dict[Verdict, str] = {
    "supported": "the difference is significant and in the claimed direction; a claimed size lies inside the measured "
    f"interval; a ratio is within {RATIO_TOLERANCE:.0%} of the claimed one, with several seeds its whole interval",
    "contradicted": "the difference is significant and in the other direction; a claimed size lies outside the "
    "interval; a ratio is not within the tolerance",
    "no significant difference": "several seeds leave it open; significant means p < .05 (at a declared look: its "
    "level), with the p that the pair has in the study's table of differences",
    "one run": "one training of each model gives no verdict on accuracy; a test over images is added as a note only",
    "not tested": "these data cannot decide it, for the reason given",
    "arithmetic": "a check of the printed figures against each other, not a claim that is measured",
    "not measured": "a model is missing, or was not trained as published",
}
VERDICTS: tuple[Verdict, ...] = tuple(VERDICT_MEANINGS)
_QUANTITIES = {"marginal_gain": "marginal gain", "epoch_seconds": "epoch time", "params": "parameters"}


@dataclass(frozen=True)
class ClaimStudy:
    """The study of one dataset that claims are judged on.

    Attributes:
        comparisons: those of the whole report: a claim takes the p-value that its pair has everywhere.
        shares: comparisons of the same study on smaller shares of the training images, by share.
    """

    evidence: Evidence
    comparisons: Comparisons
    shares: Mapping[float, Comparisons] = field(default_factory=dict)

    def reason_missing(self, *models: str) -> str:
        """Return why models that were measured are not compared; empty if one was not measured."""
        if not all(self.evidence.of(model) for model in models):
            return ""
        return "; ".join(f"{one.model}: {one.reason}" for one in self.comparisons.untrained if one.model in models)


@dataclass(frozen=True)
class Finding:
    """The verdict on one statement of a claim.

    Attributes:
        verdict: on the direction alone, if the statement claims a size too.
        numbers: the numbers behind the verdict, in words.
        note: what a reader must know beside them: a test over images, the device of a time, a reason.
        size: the verdict on the claimed size; None if no size is claimed or nothing can be tested.
    """

    statement: Statement
    verdict: Verdict
    numbers: str = ""
    note: str = ""
    size: Verdict | None = None

    @property
    def text(self) -> str:
        """The statement in words."""
        return _TEXTS[type(self.statement)](self.statement)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The verdict in words, of direction and size apart: ``direction supported``, ``size contradicted``."""
        return summarise([self])


def summarise(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the common verdict of findings in words, or the counts of each, on direction and size apart.

    Unmeasured statements are not counted, but mentioned: ``supported (1 of 2 measured)``.
    """
    measured = [one for one in findings if one.verdict != "not measured"]
    if not measured:
        return ("not measured",)
    is_part = len(measured) < len(findings)
    share = f" ({len(measured)} of {len(findings)} measured)" if is_part else ""
    verdicts = _counts([one.verdict for one in measured])
    sizes = [one.size for one in measured if one.size is not None]
    if not sizes:
        return (verdicts + share,)
    label = "" if verdicts == "no significant difference" else "direction "
    return f"{label}{verdicts}{share}", f"size {_counts(sizes)}"


def _counts(verdicts: Sequence[Verdict]) -> str:
    if len(set(verdicts)) == 1:
        return verdicts[0]
    return ", ".join(f"{verdicts.count(one)} {one}" for one in VERDICTS if one in verdicts)


def _greater_text(one: Greater) -> str:
    claimed = f", by {one.claimed.text}" if one.claimed else ""
    if one.quantity == "accuracy_percent":
        return f"{title_of(one.dataset)}: {one.model} more accurate than {one.other}{claimed}"
    return f"{title_of(one.dataset)}: {one.model} has more {_QUANTITIES[one.quantity]} than {one.other}"


def _literature_text(one: NearLiterature) -> str:
    theirs = f"{LITERATURE[0].accuracy_percent[one.model]:.2f} %"
    repeated = LITERATURE[0].repeated.get(one.model)
    if repeated and one.against == "best":
        theirs = f"best of {repeated.runs} runs ({theirs})"
    elif repeated:
        theirs = f"mean of {repeated.runs} runs ({repeated.mean_percent:.2f} ± {repeated.spread_percent:.2f} %)"
    return f"{title_of(one.dataset)}: {one.model} at most {one.within_points:g} pp below He et al.'s {theirs}"


_TEXTS: dict[type[Any], Callable[[Any], str]] = {
    Greater: _greater_text,
    MostAccurate: lambda one: f"{title_of(one.dataset)}: {one.model} the most accurate of all",
    Times: lambda one: (
        f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} of {one.model} against {one.other}: {one.claimed}"
    ),
    GrowsExponentially: lambda one: f"{title_of(one.dataset)}: {_QUANTITIES[one.quantity]} exponential in ω",
    NearLiterature: _literature_text,
    FewerImagesWider: lambda _: "the fewer images, the more is wider ahead of deeper; the more images, the less",
    PossibleF1: lambda one: f"{title_of(one.dataset)}: every F1 is one that its accuracy allows",
}
