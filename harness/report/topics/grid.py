"""The section on the grid: depth × width, the model to take for a budget, and laws of error against cost."""

from harness.analysis.affordable import Affordable, Choice
from harness.analysis.answer import Question
from harness.analysis.comparison import Comparisons
from harness.analysis.cost_laws import cost_laws
from harness.analysis.evidence import COSTS, Evidence
from harness.analysis.grid import Grid, find_grid
from harness.analysis.interaction import Interaction, find_interaction
from harness.analysis.wording import COST_WORDS, cost_text, ends_text, percent_text
from harness.report.figures.grid import grid_figure
from harness.report.section import Section
from harness.report.tables.grid import cells_table, choices_table, laws_table
from harness.text import listed, p_value, signed

_TITLE = "The grid: depth × width, and the model to take for a budget"


def grid_section(evidence: Evidence, comparisons: Comparisons, question: Question) -> Section | None:  # noqa: ARG001
    """Return the section on a study's grid and laws; None without a grid and without four models along an axis."""
    trained = comparisons.evidence
    grid, laws = find_grid(trained), cost_laws(comparisons)
    law_tables = [laws_table(trained, laws)] if laws else []
    if grid is None:
        return Section("Laws of error against cost", tables=law_tables) if laws else None
    interaction = find_interaction(comparisons, grid)
    choices = [one for measure in COSTS for one in Affordable(comparisons).choices(measure)]
    accuracy = {model: comparisons.mean(model) for model in trained.models}
    sentences = [] if interaction is None else interaction_sentences(grid, interaction)
    return Section(
        _TITLE,
        [grid_figure(trained, grid)],
        [cells_table(trained, grid, interaction), choices_table(trained, choices, accuracy), *law_tables],
        [*sentences, *_choice_sentences(choices), *_missing_sentences(evidence, trained, grid)],
    )


def interaction_sentences(grid: Grid, interaction: Interaction) -> list[str]:
    """Return whether depth and width add up, with the tests and what they could have found."""
    if interaction.growth_p is None:
        return ["One run each, or no spread between seeds: whether depth and width add up cannot be tested."]
    tests, growth = _tests_text(interaction), interaction.growth
    ends = ends_text_of(growth.interval(interaction.alpha))
    (shallow, narrow), (deep, wide) = grid.corner
    change = f"{signed(growth.estimate, 2)} pp {ends}"
    what = f"from depth {shallow} to {deep}, the gain of width {wide:g} over {narrow:g} changes by {change}"
    if interaction.has_growth:
        how = "more" if growth.estimate > 0 else "less"
        return [f"Depth and width interact: the deeper the network, the {how} width gains; {what} ({tests})."]
    if interaction.is_found:
        return [
            f"Depth and width interact, but width's gain neither grows nor falls evenly with depth: {what} ({tests})."
        ]
    could = "" if interaction.detectable_points is None else (
        f" These seeds find a change of {interaction.detectable_points:.2g} pp with 80 % power."
    )  # fmt: skip
    return [f"No interaction is shown; depth and width may add up: {what} ({tests}).{could}"]


def ends_text_of(ends: tuple[float | None, float | None]) -> str:
    """Return the ends of an interval as text."""
    low, high = ends
    return "" if low is None or high is None else f"[{signed(low, 2)}, {signed(high, 2)}]"


def _tests_text(interaction: Interaction) -> str:
    shape = interaction.shape
    if shape is None:
        return p_value(interaction.growth_p)
    first, second = shape.df
    statistic = f"F({first}, {second:.4g}) = {shape.statistic:.2f}" if shape.method == "F" else "Welch's tests"
    return f"{p_value(interaction.growth_p)}; any shape: {statistic}, {p_value(interaction.shape_p)}; Holm over both"


def _choice_sentences(choices: list[Choice]) -> list[str]:
    """Return what to take without a limit and at half of the dearest choice's cost, by kind of cost."""
    found = []
    for measure in COSTS:
        of_measure = [one for one in choices if one.measure == measure]
        if len(of_measure) > 1:
            found.append(f"{COST_WORDS[measure].capitalize()}: {'; '.join(map(_range_text, of_measure))}.")
    return found


def _range_text(one: Choice) -> str:
    limit = "without a limit" if one.below is None else f"below {cost_text(one.measure, one.below)}"
    sure = "" if one.probability is None else f" ({percent_text((one.probability,))})"
    return f"{limit} {one.model}{sure}"


def _missing_sentences(evidence: Evidence, trained: Evidence, grid: Grid) -> list[str]:
    """Return the models of the grid that have no accuracy or are not trained out."""
    untrained = [model for model in evidence.models if model not in trained.models]
    failed = sorted({one.model for one in evidence.incomplete} - set(evidence.models))
    texts = [
        f"{listed(models)} ({why})" for models, why in ((untrained, "not trained out"), (failed, "no complete run"))
        if models
    ]  # fmt: skip
    return [f"Left out: {'; '.join(texts)}."] if texts else []
