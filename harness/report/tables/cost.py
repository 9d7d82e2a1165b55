"""The tables of accuracy for its cost: the budgets' verdicts, wider against deeper at equal cost, the Pareto front."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.comparison import Comparisons
from harness.analysis.equal_cost import EqualCost, dearest, equal_costs
from harness.analysis.evidence import COSTS, Evidence
from harness.analysis.multiplicity import holm
from harness.analysis.pareto import models_worth_their_cost, pareto_points
from harness.analysis.stats import Interval
from harness.analysis.wording import BUDGET_WORDS, COST_WORDS, cost_text, outcome_text
from harness.report.tables.columns import (
    DIFFERENCE,
    SEED_COUNT,
    interval_values,
    model_column,
    non_empty,
    p_cell,
    signed_column,
    times_notes,
    yes_or_no,
)
from harness.report.tables.table import Column, Row, Table


def verdicts_table(evidence: Evidence, verdicts: Sequence[BudgetVerdict]) -> Table:
    """Return the verdict of each budget, with its numbers and the model to take."""
    rows = [
        {
            "budget": one.budget,
            "cost_value": one.cost,
            "verdict": one.outcome,
            "margin_points": one.margin,
            **interval_values("difference_points", one.interval),
            "confidence": one.interval.confidence,
            "p_value": one.p_alone,
            "p_corrected": one.p_value,
            "correction": one.correction,
            "seeds": one.interval.n,
            "wide": " & ".join(one.wide.weights),
            "deep": " & ".join(one.deep.weights),
            "wide_percent": one.wide.accuracy_percent,
            "deep_percent": one.deep.accuracy_percent,
            "no_worse": one.no_worse,
            "take": one.take,
        }
        for one in verdicts
    ]
    texts = {id(row): outcome_text(one) for row, one in zip(rows, verdicts, strict=True)}
    columns = [
        Column("at equal", "budget", lambda row: BUDGET_WORDS[row["budget"]], is_words=True),
        Column("budget", "cost_value", lambda row: cost_text(row["budget"], row["cost_value"])),
        Column("verdict", "verdict", lambda row: texts[id(row)], is_words=True),
        signed_column("wider − deeper pp", "difference_points"),
        DIFFERENCE[1],
        Column("p alone", "p_value", p_cell("p_value")),
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
        Column("correction", "correction", is_words=True),
        SEED_COUNT,
        Column("wider", "wide", is_words=True),
        Column("deeper", "deep", is_words=True),
        Column("take", "take", is_words=True),
    ]
    notes = (
        "at the dearest cost that both axes reach, interpolated between two models on the logarithm of the cost, never "
        "extrapolated; intervals are simultaneous",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the verdict of each budget"
    return Table(f"{evidence.file_name}-verdicts", title, non_empty(columns, rows), tuple(rows), notes)


def equal_cost_table(evidence: Evidence, comparisons: Comparisons, verdicts: Sequence[BudgetVerdict]) -> Table:
    """Return wider against deeper at the cost of each model; the dearest cost has the budget's own verdict."""
    found = equal_costs(comparisons.evidence)
    primary = {id(one): next(v for v in verdicts if v.budget == measure) for measure, one in dearest(found).items()}
    explored = [one for one in found if id(one) not in primary]
    tested = dict(zip(map(id, explored), _explored(comparisons, explored), strict=True))
    rows = []
    for one in found:
        verdict = primary.get(id(one))
        row: dict[str, Any] = {
            "cost": COST_WORDS[one.measure],
            "model": one.model,
            "axis": one.axis,
            "cost_value": one.cost,
            "cheaper": one.between[0],
            "dearer": one.between[1],
        }
        rows.append(row | (tested[id(one)] if verdict is None else _verdict_values(verdict)))
    columns = [
        Column("at equal", "cost", is_words=True),
        model_column("as"),
        Column("cost", "cost_value", _cost_cell),
        Column("against", "cheaper", _between_cell, is_words=True),
        SEED_COUNT,
        signed_column("wide − deep pp", "difference_points"),
        DIFFERENCE[1],
        Column("test", "family", is_words=True),
        Column("p corrected", "p_corrected", p_cell("p_corrected")),
    ]
    notes = (
        "a model of one axis against the other axis at its cost, interpolated between two models on the logarithm of "
        "the cost, without extrapolation. Budget: the verdict at the dearest cost; exploratory: every other row, "
        "corrected by Holm's method over these rows",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: wider against deeper at equal cost"
    return Table(f"{evidence.file_name}-equal-cost", title, non_empty(columns, rows), tuple(rows), notes)


def _verdict_values(verdict: BudgetVerdict) -> dict[str, Any]:
    return {
        "seeds": verdict.interval.n,
        **interval_values("difference_points", verdict.interval),
        "family": "budget",
        "p_value": verdict.p_alone,
        "p_corrected": verdict.p_value,
    }


def _explored(comparisons: Comparisons, explored: Sequence[EqualCost]) -> list[dict[str, Any]]:
    """Return the values of exploratory comparisons at equal cost, corrected as one family."""
    evidence, fit = comparisons.evidence, comparisons.fit
    counts = [min(len(evidence.of(model)) for model in one.contrast) for one in explored]
    if fit is None:
        means = [
            sum(weight * _mean_percent(evidence, model) for model, weight in one.contrast.items()) for one in explored
        ]
        intervals = [Interval(mean, None, None, n, 0.95) for mean, n in zip(means, counts, strict=True)]
        p_values: list[float | None] = [None] * len(explored)
        return [_explored_values(*one) for one in zip(intervals, p_values, p_values, strict=True)]
    contrasts = fit.contrasts([one.contrast for one in explored])
    share = comparisons.alpha / max(1, len(explored))
    intervals = [
        Interval(one.estimate, *one.interval(share), n, 1 - share) for one, n in zip(contrasts, counts, strict=True)
    ]
    alone: list[float | None] = [one.p_value for one in contrasts]
    return [_explored_values(*one) for one in zip(intervals, alone, holm(alone), strict=True)]


def _mean_percent(evidence: Evidence, model: str) -> float:
    mean = evidence.mean(model, "accuracy_percent")
    return 0.0 if mean is None else mean.mean


def _explored_values(interval: Interval, p_alone: float | None, p_corrected: float | None) -> dict[str, Any]:
    return {
        "seeds": interval.n,
        **interval_values("difference_points", interval),
        "family": "exploratory",
        "p_value": p_alone,
        "p_corrected": p_corrected,
    }


def _between_cell(row: Row) -> str:
    other = "depth" if row["axis"] == "width" else "width"
    return f"{other} between {row['cheaper']} and {row['dearer']}"


def _cost_cell(row: Row) -> str:
    measure = next(measure for measure, words in COST_WORDS.items() if words == row["cost"])
    return cost_text(measure, row["cost_value"])


def pareto_table(evidence: Evidence, comparisons: Comparisons) -> Table:
    """Return the models with their place on or below each cost's Pareto front."""
    worth = {measure: models_worth_their_cost(comparisons, measure) for measure in COSTS}
    rows = [
        {
            "cost": COST_WORDS[one.measure],
            "model": one.model,
            "cost_value": one.cost,
            "accuracy_percent": one.accuracy_percent,
            "is_on_front": one.beaten_by is None,
            "beaten_by": one.beaten_by,
            "seeds_on_front": one.seeds_on_front,
            "seeds": one.seeds,
            "is_worth_its_cost": one.model in worth[measure],
        }
        for measure in COSTS
        for one in pareto_points(evidence, measure)
    ]
    columns = [
        Column("accuracy against", "cost", is_words=True),
        model_column(),
        Column("cost", "cost_value", _cost_cell),
        Column("accuracy %", "accuracy_percent", "{:.2f}"),
        Column("on the front", "is_on_front", yes_or_no("is_on_front"), is_words=True),
        model_column("beaten by", "beaten_by"),
        Column("with seeds", "seeds_on_front", "{}"),
        Column("of", "seeds", "{}"),
        Column("worth its cost", "is_worth_its_cost", yes_or_no("is_worth_its_cost"), is_words=True),
    ]
    notes = (
        "the Pareto front of means: no other model is at least as accurate at no more cost; with seeds: the number of "
        "seeds that, each alone, have the model on the front; worth its cost: significantly above the next cheaper one "
        "on the front",
        *times_notes(evidence),
    )
    title = f"{evidence.title}: the Pareto front"
    return Table(f"{evidence.file_name}-pareto", title, non_empty(columns, rows), tuple(rows), notes, is_long=True)
