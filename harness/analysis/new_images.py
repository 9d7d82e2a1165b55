"""The standard error of a difference that holds for new test images too, not only for these."""

import numpy as np

from harness.analysis.evidence import Evidence
from harness.analysis.fit import Weights

LEAST_SEEDS = 5


def error_with_new_images(evidence: Evidence, weights: Weights) -> float | None:
    """Return the standard error over seeds and test images in percentage points.

    Its square is s_d²/n + max(0, Var(q)/N − flips/(nN)).

    q is an image's difference, its mean over n seeds; its variance over N images includes what seeds change on the same
    image, the flips, which the first term has already.

    Returns:
        None with fewer than five common seeds, or without predictions.
    """
    models = [model for model, weight in weights.items() if weight]
    seeds = sorted(set.intersection(*(set(evidence.of(model)) for model in models)))
    if len(seeds) < LEAST_SEEDS:
        return None
    by_seed = []
    for seed in seeds:
        outcomes = [one for model in models if (one := evidence.of(model)[seed].read_correct()) is not None]
        if len(outcomes) < len(models):
            return None
        by_seed.append(np.array([weights[model] for model in models]) @ np.array(outcomes))
    differences = 100 * np.array(by_seed)  # (seeds, images)
    n, images = differences.shape
    seed_variance = differences.mean(axis=1).var(ddof=1) / n
    flips = differences.var(axis=0, ddof=1).mean()
    image_variance = differences.mean(axis=0).var(ddof=1) / images - flips / (n * images)
    return float(np.sqrt(seed_variance + max(0.0, image_variance)))
