"""The limits of a study's evidence in sentences: what a reader must know before using the answer."""

from collections.abc import Sequence

from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import Evidence
from harness.analysis.fit import MAX_SPREAD_RATIO
from harness.config.families import Model
from harness.results.result import Result
from harness.text import count_noun, listed, listed_up_to


def cautions(comparisons: Comparisons, evidence: Evidence, notes: Sequence[str]) -> tuple[str, ...]:
    """Return the limits of the evidence, the most important first.

    Args:
        evidence: the whole study, with models that are not trained out.
        notes: lines on what the answer rests on, for example on cases that did not fit into a time budget.
    """
    sentences = _of_several_versions(evidence)
    sentences += [
        f"{one.model} is not trained out and left out: {one.reason}; {one.remedy}." for one in comparisons.untrained
    ]
    sentences += notes
    sentences += _test_notes(comparisons)
    sentences += _of_other_networks(evidence)
    sentences += _on_no_axis(evidence)
    sentences += _left_out(evidence)
    if not evidence.has_comparable_times:
        sentences.append(f"Times are not compared: {'; '.join(evidence.hardware)}.")
    elif lengthened := [result for result in evidence.disturbed_results if _is_lengthened(result)]:
        runs = f"{len(lengthened)} of {count_noun(len(evidence.used_results), 'run')}"
        sentences.append(f"Disturbances lengthened the training time of {runs} by more than 5 %: times are uncertain.")
    return tuple(sentences)


def _is_lengthened(result: Result) -> bool:
    """Return whether disturbed epochs raise the mean by over 5 %; true without undisturbed ones."""
    mean, median = result.mean_epoch_seconds, result.undisturbed_median_seconds
    return not mean or not median or mean > 1.05 * median


def _test_notes(comparisons: Comparisons) -> list[str]:
    """Return why the tests are not the usual ones, or why there are none with several runs."""
    fit, runs = comparisons.fit, len(comparisons.evidence.runs)
    if fit is not None and not fit.is_pooled:
        return [f"Spreads between seeds differ by a factor over {MAX_SPREAD_RATIO:g}: tests are Welch's."]
    if fit is None and comparisons.estimates is not None and runs > len(comparisons.evidence.models) > 1:
        if comparisons.estimates.df < 1:
            return ["Nothing can be tested: too few models have several runs."]
        return ["Nothing can be tested: the differences between models are the same in every seed."]
    return []


def _of_several_versions(evidence: Evidence) -> list[str]:
    """Return a sentence for each family whose code has changed between its models' trainings."""
    sentences = []
    oldest_first = sorted(evidence.used_results, key=lambda result: result.finished_at)
    known = [(one.model, one.network) for one in oldest_first if one.network is not None and one.network.code]
    for family, newest in {network.family: network.code for _, network in known}.items():
        earlier = {model for model, network in known if network.family == family and network.code != newest}
        if models := [model for model in evidence.models if model in earlier]:
            trained = f"{listed_up_to(models, 3, 'model')} {'was' if len(models) == 1 else 'were'} trained before"
            sentences.append(f"Versions of {family} are mixed: {trained} its code changed. Train all its models again.")
    return sentences


def _of_other_networks(evidence: Evidence) -> list[str]:
    """Return a sentence on the results of networks that have been changed since, if any."""
    models = list(dict.fromkeys(result.model for result in evidence.of_other_networks))
    if not models:
        return []
    left_out = f"Left out: {count_noun(len(evidence.of_other_networks), 'result')} of other networks"
    return [f"{left_out} named {listed(models)}: the one trained last counts; --rerun trains the present one again."]


def _on_no_axis(evidence: Evidence) -> list[str]:
    """Return a sentence on the models outside the base's grid, in no verdict; none with given axes."""
    axes = evidence.axes
    if axes is None:
        return []
    base, on_axes = evidence.points[axes.base], {*axes.along("depth"), *axes.along("width")}
    others = [
        model for model in evidence.models if model not in on_axes and not _is_in_grid(evidence.points[model], base)
    ]
    if not others:
        return []
    about = f"Depth and width are compared from {axes.base} on"
    return [f"{about}, without {listed_up_to(others, 3, 'model')}: base=… in the experiment mark chooses another base."]


def _is_in_grid(model: Model, base: Model) -> bool:
    """Return whether a model is of the base's family, and neither shallower nor narrower."""
    is_deep, is_wide = (model.depth or 0) >= (base.depth or 0), (model.width or 0) >= (base.width or 0)
    return model.family == base.family and is_deep and is_wide


def _left_out(evidence: Evidence) -> list[str]:
    """Return a sentence on the results that did not complete, if any."""
    if not evidence.incomplete:
        return []
    kinds = sorted({result.status.replace("_", " ") for result in evidence.incomplete})
    left_out = f"Left out: {count_noun(len(evidence.incomplete), 'result')} without an accuracy ({', '.join(kinds)})"
    return [
        f"{left_out}; means of their models are over the seeds that completed." if evidence.runs else f"{left_out}."
    ]
