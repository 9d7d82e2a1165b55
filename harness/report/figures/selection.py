"""The models that a figure draws or names, and the published figures beside them."""

from harness.analysis.evidence import Evidence, published_evidence
from harness.report.truncation import MAX_CURVES, evenly_spaced_with_ends


def comparable_published_evidence(evidence: Evidence) -> Evidence | None:
    """Return the paper's figures of the study if they are comparable, else None."""
    found = evidence.is_trained_as_published and evidence.dataset in ("cifar10", "fashionmnist", "gtsrb")
    return published_evidence(evidence.dataset) if found else None


def drawn_models(evidence: Evidence) -> list[str]:
    """Return the models that a figure draws one by one: all, or if there are many, those along the axes."""
    models, axes = evidence.models, evidence.axes
    if len(models) <= MAX_CURVES:
        return models
    known = models if axes is None else list(dict.fromkeys((*axes.along("depth"), *axes.along("width"))))
    return [known[place] for place in evenly_spaced_with_ends(len(known), MAX_CURVES)]


def named_models(evidence: Evidence) -> list[str]:
    """Return the models named beside their points: all, or if there are many, the axes' ends and the best."""
    if len(evidence.models) <= MAX_CURVES:
        return evidence.models
    axes = evidence.axes
    ends = [] if axes is None else [axes.base, *axes.depth[-1:], *axes.width[-1:]]
    means = {model: evidence.mean(model, "accuracy_percent") for model in evidence.models}
    return [*ends, max(means, key=lambda model: mean.mean if (mean := means[model]) else 0.0)]


def selection_note(evidence: Evidence) -> str:
    """Return the caption's sentence on the models left out; empty if all are drawn."""
    count = len(drawn_models(evidence))
    if count == len(evidence.models):
        return ""
    which = "" if evidence.axes is None else " along the axes"
    return f" {count} of {len(evidence.models)} models{which} are drawn; the tables have all."
