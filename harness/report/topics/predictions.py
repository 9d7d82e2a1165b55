"""The topic of predictions: disagreement, calibration, ensembles, and images that one side solves."""

from collections.abc import Sequence

from harness.analysis.answer import Question
from harness.analysis.calibration_error import ModelCalibration, model_calibrations
from harness.analysis.comparison import Comparisons
from harness.analysis.disagreement import Disagreement, disagreements
from harness.analysis.ensembles import EnsembleComparison, compare_ensembles, ensembles_of
from harness.analysis.evidence import Evidence
from harness.analysis.predicted import PredictedModel, predicted_models
from harness.analysis.solved_images import SolvedByOne, solved_by_one
from harness.report.figures.ensembles import ensembles_figure
from harness.report.section import Picture, Section
from harness.report.tables.calibration import calibration_table
from harness.report.tables.disagreement import disagreement_table
from harness.report.tables.ensembles import ensembles_table
from harness.text import count_noun, p_value, signed

_TITLE = "What they learn: disagreement, calibration, ensembles"
_PICTURES_OF_A_SIDE = 6
_MOST_ENSEMBLES = 3  # pairs of models that have a sentence; the table has all


def predictions_section(_: Evidence, comparisons: Comparisons, __: Question) -> Section | None:
    """Return the section on a study's stored predictions; None with fewer than two networks."""
    evidence = comparisons.evidence
    models = predicted_models(evidence)
    if sum(len(one.seeds) for one in models) < 2:
        return None
    compared = disagreements(models, [] if evidence.axes is None else evidence.axes.counterparts)
    calibrations, ensembles = model_calibrations(models), ensembles_of(models)
    of_ensembles = compare_ensembles(evidence, ensembles, models, comparisons.alpha)
    sides = _sides(evidence, models)
    figure = ensembles_figure(evidence, ensembles)
    tables = (
        disagreement_table(evidence, compared),
        calibration_table(evidence, calibrations),
        ensembles_table(evidence, of_ensembles),
    )
    return Section(
        _TITLE,
        [] if figure is None else [figure],
        [one for one in tables if one is not None],
        [
            *_selection(evidence, models),
            *_disagreement_sentences(compared, sides, comparisons.alpha),
            *map(_solved_sentence, sides),
            *_calibration_sentences(calibrations),
            *_ensemble_sentences(of_ensembles, comparisons.alpha),
        ],
        [picture for one in sides for picture in _pictures(evidence, one, models)],
    )


def _selection(evidence: Evidence, models: Sequence[PredictedModel]) -> list[str]:
    """Return the sentence on models and seeds left out, or without logits; none if all are used."""
    used, runs = sum(len(one.seeds) for one in models), len(evidence.runs)
    lines = (
        [f"{used} of {runs} networks are compared: {', '.join(one.model for one in models)}."] if used < runs else []
    )
    if lacking := [one.model for one in models if one.probabilities is None]:
        lines.append(f"No calibration and no ensembles of {', '.join(lacking)}: logits of some seeds are not stored.")
    return lines


def _sides(evidence: Evidence, models: Sequence[PredictedModel]) -> list[SolvedByOne]:
    """Return what only the wide and what only the deep networks solve, of the dearest counterparts."""
    by_name, axes = {one.model: one for one in models}, evidence.axes
    pairs = [] if axes is None else axes.counterparts
    for wide, deep in reversed(pairs):
        if wide in by_name and deep in by_name:
            return [solved_by_one(by_name[wide], by_name[deep]), solved_by_one(by_name[deep], by_name[wide])]
    return []


def _disagreement_sentences(found: Sequence[Disagreement], sides: Sequence[SolvedByOne], alpha: float) -> list[str]:
    """Return how far the dearest counterparts disagree; of the first pair without counterparts."""
    chosen = {sides[0].model, sides[0].other} if sides else set()
    one = next((one for one in found if {one.model, one.other} == chosen), found[0] if found else None)
    if one is None:
        return []
    pairs = [(one.model, one.within[0]), (one.other, one.within[1])]
    seeds = [f"two seeds of {model} on {own.disagreement_percent:.2f} %" for model, own in pairs if own is not None]
    between = f"{one.model} and {one.other} disagree on {one.between.disagreement_percent:.2f} % of the test images"
    lines = [f"{', '.join([between, *seeds])}."]
    if one.p_value is not None and one.p_holm is not None and one.least_p_value is not None:
        alike = "more alike between seeds of a model than between the two models"
        is_found = one.p_holm < alpha
        lines.append(
            f"Corrected for the number of errors, their errors are {'' if is_found else 'not significantly '}{alike} "
            f"({p_value(one.p_holm)}; {_n(one.seeds)}: no p below {one.least_p_value:.2g} is possible, uncorrected)."
        )
    return lines


def _solved_sentence(one: SolvedByOne) -> str:
    images = count_noun(len(one.positions), "test image")
    line = f"{images}: classified correctly by every seed of {one.model} and by none of {one.other} ({_n(one.seeds)})"
    if one.chance is None or one.most_by_chance is None:
        return f"{line}; with one seed each there is no chance level."
    return (
        f"{line}; by chance {one.chance:.1f}, at most {one.most_by_chance} ({one.mixed_groups} groups that mix both)."
    )


def _calibration_sentences(found: Sequence[ModelCalibration]) -> list[str]:
    if not found:
        return []
    best, worst = (choose(found, key=lambda one: one.ece_percent.mean) for choose in (min, max))
    parts = [
        f"{one.model} {one.ece_percent.mean:.2f} % ({one.chance_percent.mean:.2f} by chance; confidence less accuracy "
        f"{signed(one.overconfidence_points.mean, 2)} pp)"
        for one in dict.fromkeys((best, worst))
    ]
    return [f"Expected calibration error: {' to '.join(parts)}."]


def _ensemble_sentences(found: Sequence[EnsembleComparison], alpha: float) -> list[str]:
    """Return a sentence for each of the first pairs of models, the largest ensemble first."""
    pairs: dict[tuple[str, str], list[EnsembleComparison]] = {}
    for one in found:
        pairs.setdefault((one.model, one.other), []).insert(0, one)
    return [_ensemble_sentence(alpha, *of_pair) for of_pair in list(pairs.values())[:_MOST_ENSEMBLES]]


def _ensemble_sentence(alpha: float, largest: EnsembleComparison, *smaller: EnsembleComparison) -> str:
    share = largest.cost_shares.get("macs", 0.0)
    first = (
        f"{largest.size} {largest.model} or one {largest.other}? {largest.ensemble_percent:.2f} % at {share:.2f} of "
        f"its MACs against {largest.other_percent:.2f} %: {_difference_text(largest, alpha)}"
    )
    others = [f"{one.size} of them: {_difference_text(one, alpha)}" for one in smaller]
    return f"{'; '.join([first, *others])}. {_n(largest.seeds).capitalize()}."


def _difference_text(one: EnsembleComparison, alpha: float) -> str:
    points = f"{signed(one.difference.mean, 2)} pp"
    if one.p_holm is None:
        return f"{points}, not tested{', as it needs every seed' if one.ensembles == 1 else ''}"
    return f"{points}, {'' if one.p_holm < alpha else 'not '}significant ({p_value(one.p_holm)})"


def _n(seeds: tuple[int, int]) -> str:
    return count_noun(seeds[0], "seed") + " each" if seeds[0] == seeds[1] else f"{seeds[0]} and {seeds[1]} seeds"


def _pictures(evidence: Evidence, one: SolvedByOne, models: Sequence[PredictedModel]) -> list[Picture]:
    """Return the first images that one side alone solves, with the true class and the two answers."""
    names, labels = evidence.classes, models[0].labels
    if not names:
        return []
    found = list(zip(one.positions, one.answers, strict=True))[:_PICTURES_OF_A_SIDE]
    return [
        Picture(place, names[labels[place]], {one.model: names[labels[place]], one.other: names[answer]})
        for place, answer in found
    ]
