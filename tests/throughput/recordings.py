"""One measurement of each kind, and an environment, made by hand."""

from harness.throughput.gradient_norms import GradientNorms
from harness.throughput.measurements import AugmentationComparison, Equivalence, Point, Scaling
from harness.throughput.pipelines import PipelineComparison, Round

ENVIRONMENT = {"cpu": "AMD EPYC", "gpu": None, "device": "cpu", "threads": 2, "versions": {"torch": "2.15.0"}}


def make_comparison(fast, reference, **changes):
    values = {
        "model": "resnet20",
        "input_shape": (3, 32, 32),
        "batch_size": 128,
        "images_per_round": 512,
        "macs": 40_000_000,
        "precision": "fp32",
        "compiled": False,
        "compile_seconds": 0.0,
        "fast": rounds(*fast),
        "reference": rounds(*reference, load_share=0.03),
        "peak_flops_per_second": 480e9,
    }
    return PipelineComparison(**(values | changes))


def rounds(*speeds, load_share=0.02):
    return tuple(Round(speed, load_share) for speed in speeds)


def make_whole_comparison(**changes):
    """A comparison at bf16 with everything that can be measured beside it."""
    beside = {"plain": rounds(800.0, 600.0), "reference_default": rounds(500.0, 600.0), "fp32": rounds(400.0, 600.0)}
    beside |= {"switched_off": ("capture: it failed",), "precision": "bf16", "peak_flops_per_second": 960e9}
    return make_comparison(fast=(1000.0, 900.0), reference=(250.0, 450.0), **(beside | changes))


MEASUREMENTS = [
    make_comparison(fast=(1000.0, 900.0), reference=(500.0, 450.0)),
    AugmentationComparison("cifar10", 3, 32, 32, 100, batched=(90.0, 20.0), per_sample=(9.0, 1.0)),
    Scaling("width", 256, "fp32", tuple(Point(x, 2.0 * x, 100 * x) for x in (1, 2, 4))),
    Equivalence("resnet20", "digits", 1437, 360, 20, "fp32", (0, 1), (99.0, 98.5), (98.75, 98.5)),
    GradientNorms(
        "plain4", "digits", 360, 32, 0.05, ("a", "b", "c", "fc"), (8.0, 4.0, 2.0, 9.0), (1e-14, 0.1, 1.0, 9.0)
    ),
]
