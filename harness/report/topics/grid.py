"""The section on the grid: depth × width, the model to take for a budget, laws of error against cost."""

from collections.abc import Sequence

from harness.analysis.affordable import Affordable, Choice
from harness.analysis.answer import Question
from harness.analysis.comparison import Comparisons
from harness.analysis.cost_laws import cost_laws
from harness.analysis.evidence import COSTS, Evidence
from harness.analysis.grid import find_grid
from harness.analysis.interaction import Interaction, find_interaction
from harness.analysis.trained_out import drop_untrained
from harness.analysis.wording import COST_WORDS, difference_text
from harness.report.figures.grid import grid_figure
from harness.report.section import Section
from harness.report.tables.grid import cells_table, choices_table, laws_table
from harness.report.truncation import MAX_NAMES
from harness.text import listed, listed_up_to, p_value

_TITLE = "The grid: depth × width, and the model to take for a budget"


def grid_section(evidence: Evidence, comparisons: Comparisons, question: Question) -> Section | None:
    """Return the section on a study's grid and laws; None without a grid or four models along an axis."""
    trained, untrained = drop_untrained(comparisons.evidence, are_on_axes=False)
    comparisons = Comparisons(trained, comparisons.alpha) if untrained else comparisons
    grid, laws = find_grid(trained), cost_laws(comparisons)
    law_tables = [laws_table(trained, laws)] if laws else []
    if grid is None:
        return Section("Laws of error against cost", tables=law_tables) if laws else None
    interaction = find_interaction(comparisons, grid)
    affordable = Affordable(comparisons)
    choices = [one for measure in COSTS for one in affordable.choices(measure)]
    accuracy = {model: comparisons.mean(model) for model in trained.models}
    return Section(
        _TITLE,
        [grid_figure(trained, grid)],
        [cells_table(trained, grid, interaction), choices_table(trained, choices, accuracy), *law_tables],
        [
            *interaction_sentences(interaction),
            *_choice_sentences(choices, len(trained.models)),
            *_missing_sentences(evidence, trained),
        ],
    )


def interaction_sentences(interaction: Interaction | None) -> list[str]:
    """Return whether depth and width add up, with the tests, and the cells left out of them."""
    if interaction is None:
        return ["The models with more than one run are no grid: whether depth and width add up cannot be tested."]
    if interaction.growth_p is None:
        return ["One run each, or no spread between seeds: whether depth and width add up cannot be tested."]
    left_out = f"Not in these tests, with one run: {_named(interaction.left_out)}."
    return [_interaction_sentence(interaction), *([left_out] if interaction.left_out else [])]


def _interaction_sentence(interaction: Interaction) -> str:
    tests, growth = _tests_text(interaction), interaction.growth
    (shallow, narrow), (deep, wide) = interaction.grid.corner
    what = (
        f"from depth {shallow} to {deep}, the gain of width {wide:g} over {narrow:g} changes by "
        f"{difference_text(growth)} ({tests})"
    )
    if interaction.has_growth:
        how = "more" if growth.mean > 0 else "less"
        return f"Depth and width interact: the deeper the network, the {how} width gains; {what}."
    if interaction.is_found:
        return f"Depth and width interact, but width's gain neither grows nor falls evenly with depth: {what}."
    return (
        f"No interaction is shown; depth and width may add up: {what}. These seeds find a change of "
        f"{interaction.detectable_points:.2g} pp with 80 % power."
    )


def _tests_text(interaction: Interaction) -> str:
    shape = interaction.shape
    if shape is None:
        return p_value(interaction.growth_p)
    first, second = shape.df
    statistic = f"F({first}, {second:.4g}) = {shape.statistic:.2f}" if shape.method == "F" else "Welch's tests"
    return f"{p_value(interaction.growth_p)}; any shape: {statistic}, {p_value(interaction.shape_p)}; Holm over both"


def _choice_sentences(choices: list[Choice], models: int) -> list[str]:
    """Return the most accurate model of all, and the cheapest ones that are not shown to be worse.

    A kind of cost that some models lack, such as a disturbed time, says nothing of all models.
    """
    dearest = [one for one in choices if one.below is None and len(one.affordable) == models]
    if not dearest:
        return []
    first = dearest[0]
    text = f"The most accurate of all {models} models is {first.model}"
    if first.not_worse is None:
        return [f"{text}; with one run each it is open how certain that is."]
    untested = f" Not tested, with one run: {_named(first.untested)}." if first.untested else ""
    if len(first.not_worse) == 1:
        return [f"{text}; every other {'tested ' if untested else ''}one is shown to be worse.{untested}"]
    cheapest: dict[str, list[str]] = {}
    for one in dearest:
        if one.not_worse:
            cheapest.setdefault(one.not_worse[0], []).append(COST_WORDS[one.measure])
    names = "; ".join(f"{model} by {listed(words)}" for model, words in cheapest.items())
    return [
        f"{text}; {len(first.not_worse) - 1} more are not shown to be worse. The cheapest of these "
        f"{len(first.not_worse)}: {names}.{untested}"
    ]


def _named(models: Sequence[str]) -> str:
    return listed_up_to(models, MAX_NAMES, "model")


def _missing_sentences(evidence: Evidence, trained: Evidence) -> list[str]:
    """Return the models of the grid that have no accuracy or are not trained out."""
    untrained = [model for model in evidence.models if model not in trained.models]
    failed = sorted({one.model for one in evidence.incomplete} - set(evidence.models))
    texts = [
        f"{_named(models)} ({why})" for models, why in ((untrained, "not trained out"), (failed, "no complete run"))
        if models
    ]  # fmt: skip
    return [f"Left out: {'; '.join(texts)}."] if texts else []
