"""Studies of the paper's models and costs with a known answer, without noise in their means."""

import numpy as np

from harness.analysis.budgets import budget_verdicts
from harness.paper.published import STUDY_MODELS
from harness.results.inference_time import LATENCY_BATCH, THROUGHPUT_BATCH, InferenceTime
from tests.analysis.synthetic_evidence import study

SIX = STUDY_MODELS["cifar10"]
BUDGETS = ["total_seconds", "params", "macs", "scale_factor"]
MEASURED_USE = [*BUDGETS[:3], "latency_seconds", "image_seconds", BUDGETS[3]]
NOISE = np.random.default_rng(11).normal(size=(6, 10))
SIZES = {  # the paper's: parameters in millions, MACs in millions
    "resnet20": (0.27e6, 41e6), "resnet56": (0.85e6, 126e6), "resnet110": (1.73e6, 254e6),
    "resnet20-2": (1.07e6, 161e6), "resnet20-4": (4.29e6, 640e6), "resnet20-8": (17.1e6, 2549e6),
}  # fmt: skip
SECONDS = {"resnet20": 6.0, "resnet56": 14.0, "resnet110": 27.0, "resnet20-2": 8.0, "resnet20-4": 17.0,
           "resnet20-8": 47.0}  # fmt: skip
USE = {  # latency and seconds per image of a batch, as on two cores: 110 and 20-4 have equal latencies
    "resnet20": (2.0e-3, 0.55e-3), "resnet56": (5.3e-3, 1.6e-3), "resnet110": (10.3e-3, 3.2e-3),
    "resnet20-2": (3.9e-3, 1.9e-3), "resnet20-4": (10.4e-3, 7.0e-3), "resnet20-8": (34e-3, 27e-3),
}  # fmt: skip


def noisy(means, seeds=5, spread=0.1, **changes):
    """Return a study of the paper's sizes with exactly these mean accuracies."""
    noise = NOISE[:, :seeds] - NOISE[:, :seeds].mean(axis=1, keepdims=True)
    accuracies = {model: (mean + spread * noise[SIX.index(model)]).tolist() for model, mean in means.items()}
    return study(accuracies, sizes=SIZES, seconds=SECONDS, **changes)


def by_budget(evidence, **options):
    return {one.budget: one for one in budget_verdicts(evidence, **options)}


def means_of(depth, width):
    return dict(zip(SIX, [90.0, *depth, *width], strict=True))


WIDER = means_of((90.5, 91.0), (92.0, 93.0, 93.5))
DEEPER = means_of((92.0, 94.0), (90.5, 91.0, 91.2))
EQUAL = dict.fromkeys(SIX, 90.0)
CLOSE = means_of((90.0, 90.1), (90.5, 90.7, 90.6))


def inference_times(model, *, is_disturbed=False):
    """Return the times of use of a model as a result has them, with one thread and with two."""
    latency, image = USE[model]
    passes = ((LATENCY_BATCH, latency), (THROUGHPUT_BATCH, THROUGHPUT_BATCH * image))
    return tuple(
        InferenceTime(batch, threads, 9, (1.6 if threads == 1 else 1.0) * seconds, 0.02 * seconds, is_disturbed)
        for batch, seconds in passes
        for threads in (1, 2)
    )
