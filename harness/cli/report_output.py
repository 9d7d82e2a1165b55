"""The output of ``report`` as a JSON object; its schema and docs/json.md are made from the classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.cli.outputs import Output, Part

if TYPE_CHECKING:
    from harness.analysis.answer import Answer
    from harness.analysis.budgets import BudgetVerdict
    from harness.analysis.evidence import Evidence
    from harness.report.build import WrittenReport
    from harness.report.loading import LoadedResults
    from harness.results.result import Result


class ReportedResult(Part):
    """A result in the report."""

    path: str
    """The case's folder; its `result.json` has every figure, the recipe and the environment."""
    case: str
    """The case's identity, shortened to 12 digits."""
    dataset: str
    """The dataset's name."""
    model: str
    """The model's canonical name."""
    seed: int
    """The seed."""
    mode: Literal["full", "shortened", "quick"]
    """`quick` measures nothing; `shortened` has other epochs than the recipe's own."""
    status: Literal["complete", "diverged", "out_of_memory", "failed"]
    """Only a complete result has metrics."""
    epochs: int
    """The number of epochs trained."""
    params: int
    """Trainable parameters."""
    macs: int
    """Multiply-accumulate operations of one image's forward pass."""
    activations: int | None
    """The numbers that the convolutions put out for one image; null in earlier results."""
    weight_bytes: int | None
    """The size of the weights as trained; null in earlier results."""
    latency_seconds: float | None
    """The median time of a forward pass of one image with all threads; null if unknown or disturbed."""
    image_seconds: float | None
    """The median time per image of a batch of 64 with all threads; null if unknown or disturbed."""
    accuracy_percent: float | None
    """The test accuracy after the last epoch."""
    best_accuracy_percent: float | None
    """The accuracy of the best epoch."""
    macro_f1_percent: float | None
    """The unweighted mean of the classes' F1 scores."""
    epoch_seconds: float | None
    """The mean time of an epoch; null without epochs."""
    disturbed_epochs: tuple[int, ...] | None
    """The epochs, from 1, whose time other work or a stop lengthened; null if it was not recorded."""
    undisturbed_median_seconds: float | None
    """The median time of the undisturbed epochs; null without one."""
    total_seconds: float
    """The time of all epochs."""
    marginal_gain: float | None
    """Accuracy in percent per second of training, the paper's equation 6."""
    peak_memory_bytes: int
    """The most memory used: on CUDA by tensors on the GPU, else by the process."""
    peak_reserved_bytes: int | None
    """The most memory that torch held on the GPU, free blocks included; null off CUDA and in earlier results."""


class Verdict(Part):
    """A study's verdict at one budget: is wider or deeper more accurate at equal cost?"""

    budget: Literal["total_seconds", "params", "macs", "latency_seconds", "image_seconds", "scale_factor"]
    """The cost that is held equal."""
    cost: float
    """The budget: seconds, parameters, MACs, seconds per image, or the scale factor ω (the step of the axes)."""
    outcome: Literal["wider", "deeper", "equal", "no significant difference", "one run each"]
    """The outcome at α = 0.05; `equal` within the margin."""
    take: str | None
    """The model to take; null if there is no reason to take one."""
    wide_models: list[str]
    """The wide model, or the two that enclose the budget."""
    deep_models: list[str]
    """The deep model, or the two that enclose the budget."""
    difference_points: float
    """The accuracy of wide minus deep, in percentage points."""
    low_points: float | None
    """The lower end of its simultaneous 95 % interval; null if untested."""
    high_points: float | None
    """The upper end of its simultaneous 95 % interval; null if untested."""
    margin_points: float
    """Differences inside ± this margin count as equal."""
    p_value: float | None
    """The p-value, corrected for the number of tests; null if untested."""


class StudyAnswer(Part):
    """The answer of one study."""

    dataset: str
    """The dataset's name."""
    mode: Literal["full", "shortened"]
    """`shortened` has other epochs than the recipe's own."""
    title: str
    """The study's human-readable name."""
    results_dir: str | None
    """The results folder."""
    models: list[str]
    """The models with complete runs."""
    seeds: list[int]
    """The seeds with complete runs."""
    headline: str
    """What to take under which limit, in a sentence."""
    verdicts: list[Verdict]
    """A verdict for each budget at which models can be compared."""
    cautions: list[str]
    """What to know before using the answer."""


class ReportOutput(Output):
    """The output of `report --json`."""

    command: Literal["report"] = "report"
    """The command."""
    page: str
    """The page, index.html."""
    tables: list[str]
    """The table files written."""
    figures: list[str]
    """The figure files written."""
    results: list[ReportedResult]
    """Every result read, complete or not."""
    studies: list[StudyAnswer]
    """The answer of each study, without quick runs."""
    left_out: list[str]
    """A line for each file left out, with the reason."""
    unfinished: list[str]
    """A line for each case that was started and has no result."""


def report_output(loaded: LoadedResults, report: WrittenReport) -> ReportOutput:
    """Return the output for a written report; a public one's texts name no folder, host or user."""
    shown: Callable[[str], str] = str if loaded.privacy is None else loaded.privacy.text
    place = report.page.parent

    def file(path: Path) -> str:
        return str(path if loaded.privacy is None else path.relative_to(place))

    return ReportOutput(
        page=file(report.page),
        tables=list(map(file, report.tables)),
        figures=list(map(file, report.figures)),
        results=[
            _reported(result, evidence.folder_of(result), shown) for evidence, result in loaded.results_of_studies
        ],
        studies=[_study(evidence, answer, shown) for evidence, answer in report.answers],
        left_out=list(map(shown, loaded.left_out)),
        unfinished=list(map(shown, loaded.started)),
    )


def _reported(result: Result, folder: Path, shown: Callable[[str], str]) -> ReportedResult:
    apart = ("path", "case", "dataset", "epoch_seconds")
    return ReportedResult(
        path=shown(str(folder)),
        dataset=shown(result.dataset),
        case=result.case.identity[:12],
        epoch_seconds=result.mean_epoch_seconds if result.epoch_seconds else None,
        **{key: getattr(result, key) for key in ReportedResult.model_fields if key not in apart},
    )


def _study(evidence: Evidence, answer: Answer, shown: Callable[[str], str]) -> StudyAnswer:
    return StudyAnswer(
        dataset=shown(evidence.dataset),
        mode="full" if evidence.mode == "full" else "shortened",
        title=evidence.title,
        results_dir=None if evidence.folder is None else shown(str(evidence.folder)),
        models=evidence.models,
        seeds=evidence.seeds,
        headline=answer.headline,
        verdicts=[_verdict(one) for one in answer.verdicts],
        cautions=list(answer.cautions),
    )


def _verdict(verdict: BudgetVerdict) -> Verdict:
    return Verdict(
        budget=verdict.budget,
        cost=verdict.cost,
        outcome=verdict.outcome,
        take=verdict.take,
        wide_models=list(verdict.wide.weights),
        deep_models=list(verdict.deep.weights),
        difference_points=verdict.interval.mean,
        low_points=verdict.interval.low,
        high_points=verdict.interval.high,
        margin_points=verdict.margin,
        p_value=verdict.p_value,
    )
