"""The paper's tables, as data.

Source: "ResNet: A Comparative Study of Depth and Width in Neural Network Architectures across different datasets",
tables 4 to 7 and figure 7.
"""

from dataclasses import dataclass

from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.results.marginal_gain import marginal_gain

# In the paper's order: depth first, then width. Digits is a small study of this harness.
STUDY_MODELS: dict[str, tuple[str, ...]] = {
    "cifar10": ("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet20-8"),
    "fashionmnist": ("resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet20-8"),
    "gtsrb": ("resnet24", "resnet50", "resnet101", "resnet24-2", "resnet24-4"),
    "digits": ("resnet8", "resnet20", "resnet32", "resnet8-2", "resnet8-4"),
}


@dataclass(frozen=True)
class Published:
    """The paper's figures for one model on one dataset.

    Attributes:
        accuracy_percent: table 4 or 6. The paper calls the test set validation; FashionMNIST's values seem to be those
            of the best epoch.
        final_accuracy_percent: table 5 or 7; it can differ from ``accuracy_percent``.
        epoch_seconds: training plus validation of one epoch, on an unnamed GPU.
        figure_marginal_gain: as drawn in figure 7, percent per second; None on GTSRB: figure 10 has no numbers.
    """

    dataset: str
    model: str
    accuracy_percent: float
    final_accuracy_percent: float
    macro_f1_percent: float
    epoch_seconds: float
    figure_marginal_gain: float | None = None

    @property
    def total_seconds(self) -> float:
        """The training time: seconds per epoch times epochs."""
        return self.epoch_seconds * PUBLISHED_RECIPES[self.dataset].epochs

    @property
    def marginal_gain(self) -> float:
        """The paper's equation 6, recomputed from its tables, percent per second."""
        return marginal_gain(self.accuracy_percent, self.total_seconds)


def _rows(dataset: str, *rows: tuple[str, float, float, float, float, float | None]) -> list[Published]:
    return [Published(dataset, *row) for row in rows]


# model, accuracy (tables 4 and 6), accuracy (tables 5 and 7), F1, seconds per epoch, marginal gain in figure 7
_ALL = [
    *_rows(
        "cifar10",
        ("resnet20", 88.90, 88.90, 88.17, 9.4, 0.0312),
        ("resnet56", 89.93, 89.93, 89.11, 14.3, 0.0207),
        ("resnet110", 89.50, 89.50, 90.58, 23.6, 0.0125),
        ("resnet20-2", 90.77, 90.77, 90.63, 9.5, 0.0318),
        ("resnet20-4", 91.83, 91.83, 91.32, 24.8, 0.0123),
        ("resnet20-8", 93.14, 93.14, 92.88, 77.3, 0.00401),
    ),
    *_rows(
        "fashionmnist",
        ("resnet20", 93.62, 93.61, 93.60, 8.1, 0.0771),
        ("resnet56", 93.54, 93.51, 93.50, 14.8, 0.0420),
        ("resnet110", 93.71, 93.70, 93.68, 25.3, 0.0251),
        ("resnet20-2", 93.65, 93.59, 94.27, 9.1, 0.0695),
        ("resnet20-4", 94.43, 94.33, 94.07, 15.48, 0.0404),
        ("resnet20-8", 94.26, 94.17, 94.16, 39.4, 0.0160),
    ),
    *_rows(
        "gtsrb",
        ("resnet24", 92.01, 92.01, 91.80, 201, None),
        ("resnet50", 94.44, 94.44, 94.21, 224, None),
        ("resnet101", 94.84, 94.84, 94.90, 314.7, None),
        ("resnet24-2", 93.04, 93.04, 92.46, 438, None),
        ("resnet24-4", 92.55, 92.55, 92.30, 1255.6, None),
    ),
]
PUBLISHED: dict[tuple[str, str], Published] = {(row.dataset, row.model): row for row in _ALL}

# Exact parameter counts; the paper prints them rounded (and ResNet-101's 42.59M cut off to 42.58M). ResNet-8, 32, 8-2
# and 8-4 are models of the digits study alone.
_PARAMETERS = {
    "resnet8": 75_290,  # CIFAR family: 3 channels in, 10 classes
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet8-2": 298_026,
    "resnet8-4": 1_185_866,
    "resnet20-2": 1_073_962,
    "resnet20-4": 4_286_026,
    "resnet20-8": 17_124_490,
    "resnet24": 19_964_523,  # ImageNet family: 3 channels in, 43 classes
    "resnet50": 23_596_139,
    "resnet101": 42_588_267,
    "resnet24-2": 79_578_283,
    "resnet24-4": 317_753_643,
}

# Millions of multiply-accumulates (MMACs) of one image's forward pass at the dataset's input size.
MMACS: dict[tuple[str, str], float] = {
    ("cifar10", "resnet20"): 40.55,
    ("cifar10", "resnet56"): 125.49,
    ("cifar10", "resnet110"): 252.89,
    ("cifar10", "resnet20-2"): 161.3,
    ("cifar10", "resnet20-4"): 643.5,
    ("cifar10", "resnet20-8"): 2570.5,
    ("fashionmnist", "resnet20"): 30.8,
    ("fashionmnist", "resnet56"): 95.8,
    ("fashionmnist", "resnet110"): 193.4,
    ("fashionmnist", "resnet20-2"): 123.1,
    ("fashionmnist", "resnet20-4"): 491.8,
    ("fashionmnist", "resnet20-8"): 1966,
    ("gtsrb", "resnet24"): 3638,
    ("gtsrb", "resnet50"): 4625,
    ("gtsrb", "resnet101"): 8886,
    ("gtsrb", "resnet24-2"): 14314,
    ("gtsrb", "resnet24-4"): 56773,
}


def exact_parameters(dataset: str, model: str) -> int | None:
    """Return the parameter count of a model of the study on its dataset; None for any other pair.

    One input channel instead of three saves 288·ω weights in the CIFAR family's stem.
    """
    if model not in STUDY_MODELS.get(dataset, ()):
        return None
    saved = 288 * (parse_model(model).width or 1) if SPECS[dataset].channels == 1 else 0
    return _PARAMETERS[model] - int(saved)
