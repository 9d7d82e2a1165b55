"""The table of the literature: what other sources report of a study's models, and how they trained."""

from collections.abc import Iterator
from typing import Any

from harness.analysis.evidence import Evidence
from harness.paper.expectations import is_beside_literature
from harness.paper.literature import LITERATURE, METHOD_RESULTS, LiteratureResult
from harness.paper.published import PUBLISHED
from harness.report.tables.columns import non_empty
from harness.report.tables.table import MEASURED, Column, Table

_COLUMNS = (
    Column("model or method", "method", is_words=True),
    Column("source", "source", is_words=True),
    Column("accuracy %", "accuracy_percent", "{:.2f}"),
    Column(
        "mean ± sd of runs",
        "mean_percent",
        "{0[mean_percent]:.2f} ± {0[sd_percent]:.2f} (n = {0[runs_of_source]})".format,
    ),
    Column("trained", "training", is_words=True),
)
_NOTES = (
    "other sources train differently, on random crops and horizontal flips",
    "a figure is of the only or the best training, unless the last column says otherwise",
)


def literature_table(evidence: Evidence) -> Table | None:
    """Return the same models' results elsewhere, then models and methods that the study lacks.

    None if no source reports the dataset, or if the runs are not of its whole sets of images.
    """
    results = [run.result for run in evidence.runs if run.result is not None]
    theirs = [one for one in LITERATURE if one.dataset == evidence.dataset]
    methods = [one for one in METHOD_RESULTS if one.dataset == evidence.dataset]
    if not (theirs or methods) or not results or not all(is_beside_literature(one) for one in results):
        return None
    rows = [row for model in evidence.models for row in _rows_of_model(evidence, model, theirs)]
    rows += [
        _row(model, one)
        for one in theirs
        if one.is_of_authors
        for model in one.accuracy_percent
        if model not in evidence.models
    ]
    rows += [
        {"method": one.method, "source": one.source, "accuracy_percent": one.accuracy_percent, "training": one.training}
        for one in methods
    ]
    title = f"{evidence.title}: beside the literature"
    return Table(f"{evidence.file_name}-literature", title, non_empty(_COLUMNS, rows), tuple(rows), _NOTES)


def _rows_of_model(evidence: Evidence, model: str, theirs: list[LiteratureResult]) -> Iterator[dict[str, Any]]:
    mean, training = evidence.mean(model, "accuracy_percent"), f"{evidence.epochs} epochs"
    yield {"method": model, "source": MEASURED, "accuracy_percent": mean and mean.mean, "training": training}
    published = PUBLISHED.get((evidence.dataset, model)) if evidence.is_trained_as_published else None
    if published is not None:
        accuracy = published.accuracy_percent
        yield {"method": model, "source": "the study", "accuracy_percent": accuracy, "training": training}
    yield from (_row(model, one) for one in theirs if model in one.accuracy_percent)


def _row(model: str, one: LiteratureResult) -> dict[str, Any]:
    repeated = one.repeated.get(model)
    return {
        "method": model,
        "source": one.source,
        "accuracy_percent": one.accuracy_percent[model],
        "mean_percent": repeated and repeated.mean_percent,
        "sd_percent": repeated and repeated.spread_percent,
        "runs_of_source": repeated and repeated.runs,
        "training": one.training,
    }
