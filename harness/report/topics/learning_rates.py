"""Learning rates: those tried for each model, the ones chosen, and whether they change the verdict."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes as Plot
from matplotlib.figure import Figure as Canvas

from harness.analysis.answer import Answer
from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import Evidence
from harness.analysis.learning_rates import ModelTrials, TriedRate, Tuning
from harness.analysis.tuned_verdicts import (
    RateVerdicts,
    chance_sentences,
    common_text,
    edge_sentences,
    verdict_sentence,
)
from harness.analysis.wording import BUDGET_WORDS, ends_text, outcome_text
from harness.config.datasets import title_of
from harness.report.figures.figure import INK, Figure, draw_figure
from harness.report.figures.selection import drawn_models, selection_note
from harness.report.figures.style import Style, error_bars, mark_handle, styles_of
from harness.report.figures.ticks import set_log_axis
from harness.report.section import Section
from harness.report.tables.claims import PUBLISHED_DATASETS
from harness.report.tables.columns import SEED_COUNT, interval_values, mean_cell, model_column, non_empty, yes_or_no
from harness.report.tables.table import Column, Table
from harness.text import count_noun, signed

_TITLE = "Learning rates"
_APART = 0.02  # of a rate, between the points of two models


def learning_rates(evidence: Evidence, answer: Answer, tuned: str = "") -> Section | None:
    """Return the section of a study of tuned rates; of the paper's own recipe, a line that it is untuned.

    Args:
        tuned: the title of the study of tuned rates beside this one; empty without one.
    """
    tuning = evidence.tuning
    if tuning is None:
        return _untuned(evidence, tuned)
    tried = [one for one in tuning.trials if any(rate.mean for rate in one.tried)]
    figure = _figure(evidence, tried)
    return Section(
        _TITLE,
        [] if figure is None else [figure],
        [_tried_table(evidence, tuning), *_verdict_tables(evidence, tuning, answer.rates)],
        [
            verdict_sentence(answer.rates, tuning),
            *edge_sentences(tuning.trials),
            *chance_sentences(tuning),
            *_doubts(tuning),
        ],
    )


def _untuned(evidence: Evidence, tuned: str) -> Section | None:
    if evidence.dataset not in PUBLISHED_DATASETS:
        return None
    rates = sorted({result.case.recipe.learning_rate for result in evidence.used_results})
    if len(rates) != 1:
        return None
    recipe = "The paper's own recipe is" if evidence.is_trained_as_published else "This recipe is"
    sentence = (
        f"{recipe} untuned: one learning rate, {rates[0]:g}, for all models of {title_of(evidence.dataset)}. "
        + (f"{tuned} has each model's own." if tuned else "Their best may differ: --learning-rates tunes each model's.")
    )
    return Section(_TITLE, sentences=[sentence])


def _doubts(tuning: Tuning) -> list[str]:
    """Return a sentence on each model whose trials do not give the rate that it was trained at."""
    return [
        f"{one.model} was trained at {one.chosen:g}, but its trials in this folder "
        + ("are missing or incomplete." if one.best is None else f"give {one.best:g}.")
        for one in tuning.trials
        if one.best != one.chosen
    ]


def _tried_table(evidence: Evidence, tuning: Tuning) -> Table:
    """Return each model's rates with the accuracy on held-out images, and the choice."""
    rows = [_tried_row(one, rate) for one in tuning.trials for rate in one.tried]
    columns = [
        model_column(),
        Column("learning rate", "learning_rate", "{:g}"),
        Column("held-out accuracy %", "validation_percent", mean_cell("validation_percent")),
        Column("chosen minus this, pp", "behind_points", mean_cell("behind_points")),
        SEED_COUNT,
        Column("diverged", "diverged"),
        Column("chosen", "is_chosen", yes_or_no("is_chosen")),
        Column("edge of the range", "edge", is_words=True),
    ]
    held_out = max((one.held_out_images for one in tuning.trials), default=0)
    seeds = sorted(tuning.seeds)
    notes = (
        f"accuracy after the last epoch of a trial on {held_out:,} held-out training images, never on test images: "
        "mean over the trials' seeds ± half of its 95 % t interval; a trial that diverged counts as a guess; chosen "
        "minus this: paired by seed",
        f"trials have {count_noun(len(seeds), 'seed')} of their own ({', '.join(map(str, seeds))}), none of which is "
        f"reported; the highest mean is chosen, of equal ones the smallest rate; common: {common_text(tuning)}",
    )
    title = f"{evidence.title}: learning rates tried"
    return Table(f"{evidence.file_name}-learning-rates", title, non_empty(columns, rows), tuple(rows), notes)


def _tried_row(trials: ModelTrials, rate: TriedRate) -> dict[str, Any]:
    is_chosen, behind = rate.rate == trials.chosen, trials.lead_over(rate.rate)
    return {
        "model": trials.model,
        "learning_rate": rate.rate,
        **interval_values("validation_percent", rate.mean),
        **interval_values("behind_points", None if is_chosen or behind is None else behind.interval),
        "seeds": len(rate.accuracies),
        "diverged": rate.diverged or None,
        "is_chosen": is_chosen,
        "edge": f"{trials.edge} one tried" if is_chosen and trials.edge else None,
    }


def _verdict_tables(evidence: Evidence, tuning: Tuning, pairs: Sequence[RateVerdicts]) -> list[Table]:
    """Return the table of the verdicts at both rates; none without any."""
    if not pairs:
        return []
    rows = [_verdict_row(one) for one in pairs]
    columns = [
        Column("at equal", "words", is_words=True),
        Column(f"at {common_text(tuning)}", "common_text", is_words=True),
        Column("at each model's own", "tuned_text", is_words=True),
        Column("same verdict", "is_same", yes_or_no("is_same")),
        Column("change pp", "change_points", mean_cell("change_points", is_signed=True)),
        Column("n", "change_seeds"),
    ]
    notes = (
        "wider minus deeper in percentage points, with its simultaneous interval; change: the difference at the tuned "
        "rates minus that at the common one, paired by seed, ± half of its 95 % t interval, uncorrected",
    )
    title = f"{evidence.title}: verdicts at the common and at the tuned rates"
    return [Table(f"{evidence.file_name}-learning-rates-verdicts", title, non_empty(columns, rows), tuple(rows), notes)]


def _verdict_row(pair: RateVerdicts) -> dict[str, Any]:
    change = pair.change
    return {
        "budget": pair.budget,
        "words": BUDGET_WORDS[pair.budget],
        **_outcome_values("common", pair.common),
        **_outcome_values("tuned", pair.tuned),
        "is_same": pair.is_same if pair.is_comparable else None,
        **interval_values("change_points", None if change is None else change.interval),
        "change_seeds": None if change is None else change.n,
    }


def _outcome_values(name: str, verdict: BudgetVerdict | None) -> dict[str, Any]:
    if verdict is None:
        return {f"{name}_outcome": None, **interval_values(f"{name}_points", None), f"{name}_text": None}
    values, points = interval_values(f"{name}_points", verdict.interval), signed(verdict.interval.mean, 2)
    outcome, ends = outcome_text(verdict.outcome, verdict.margin), ends_text(verdict.interval, 2, is_signed=True)
    text = f"{outcome}: {points} {ends}".rstrip()
    return {f"{name}_outcome": verdict.outcome, **values, f"{name}_text": text}


def _figure(evidence: Evidence, tried: Sequence[ModelTrials]) -> Figure | None:
    """Return accuracy on held-out images against the learning rate, a line per model; None without trials."""
    drawn = [one for one in tried if one.model in drawn_models(evidence)]
    if not drawn:
        return None
    styles = styles_of(evidence)

    def draw(canvas: Canvas) -> None:
        plot = canvas.subplots()
        for place, one in enumerate(drawn):
            _draw_model(plot, one, styles[one.model], 1 + _APART * (place - len(drawn) / 2))
        plot.set_ylim(*_limits(drawn))
        set_log_axis(plot, "x", lambda value: f"{value:g}")
        plot.set_xlabel("learning rate")
        plot.set_ylabel("accuracy on held-out images, %")
        handles, _ = plot.get_legend_handles_labels()
        chosen = mark_handle(Style("other", INK, "o", "-"), "chosen", is_hollow=True)
        canvas.legend(handles=[*handles, chosen], loc="outside right center", handlelength=3.2)

    said = "; ".join(f"{one.model}: {_said(one)}" for one in drawn)
    return draw_figure(
        f"{evidence.file_name}-learning-rates",
        f"{evidence.title}: accuracy against learning rate",
        f"Mean of {count_noun(len(drawn[0].seeds), 'trial')} with its 95 % t interval; a ring marks the rate chosen "
        f"for the model.{selection_note(evidence)}",
        f"Accuracy on held-out images by learning rate: {said}.",
        draw,
        (7.2, 3.8),
    )


def _draw_model(plot: Plot, trials: ModelTrials, style: Style, shift: float) -> None:
    """Draw a model's line; ``shift`` multiplies its rates, so that no interval hides another's."""
    means = [(one.rate * shift, one.rate, one.mean) for one in trials.tried if one.mean is not None]
    plot.plot(
        [x for x, _, _ in means], [mean.mean for _, _, mean in means],
        color=style.colour, ls=style.line, marker=style.marker, ms=5, lw=1.3, label=trials.model,
    )  # fmt: skip
    for x, rate, mean in means:
        if bars := error_bars(mean):
            plot.errorbar(x, mean.mean, yerr=bars, color=style.colour, capsize=2, lw=0.8, alpha=0.6)
        if rate == trials.chosen:
            plot.plot(x, mean.mean, marker="o", ms=12, mfc="none", mec=INK, mew=1.2, ls="", zorder=4)


def _limits(drawn: Sequence[ModelTrials]) -> tuple[float, float]:
    """Return the lowest and highest accuracy to draw: intervals may reach far beyond the means."""
    means = [rate.mean.mean for one in drawn for rate in one.tried if rate.mean is not None]
    room = max(1.0, 0.6 * (max(means) - min(means)))
    return max(0.0, min(means) - room), min(100.5, max(means) + room)


def _said(trials: ModelTrials) -> str:
    texts = [f"{one.mean.mean:.2f} % at {one.rate:g}" for one in trials.tried if one.mean is not None]
    return ", ".join(texts) + (f", chosen {trials.chosen:g}" if trials.chosen is not None else "")
