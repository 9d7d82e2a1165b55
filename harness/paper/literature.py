"""Accuracies that other sources report of the harness's models and of other methods, as data.

An entry stands here only if the harness builds its network, or if it is named as another method. NATS-Bench has no such
network: its candidates are cells of searched operations, or stages of free channel counts, on no grid of depth and
width. If a source reports a test error, the accuracy is 100 % minus the error.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SeveralRuns:
    """The mean and the standard deviation over several runs of a model, as a source reports them."""

    mean_percent: float
    spread_percent: float
    runs: int


@dataclass(frozen=True)
class LiteratureResult:
    """Accuracies of models of the harness, in percent, as another source reports them.

    Attributes:
        accuracy_percent: by model, of the runs that ``training`` names, else of the best or only one.
        training: how the source trained, in words; on random crops (of images padded by 4 on CIFAR-10) and flips all.
        repeated: by model, the mean over its runs; only of models for which the source reports one.
        is_of_authors: True for those who introduced the networks: shown also for models that a study lacks.
    """

    source: str
    accuracy_percent: dict[str, float]
    training: str
    repeated: dict[str, SeveralRuns] = field(default_factory=dict)
    dataset: str = "cifar10"
    is_of_authors: bool = False


@dataclass(frozen=True)
class MethodResult:
    """The test accuracy of another method on a dataset, for comparison with the paper."""

    dataset: str
    method: str
    accuracy_percent: float
    source: str
    training: str = ""


_WIDE = "Zagoruyko and Komodakis 2016"
_WIDE_TRAINING = "200 epochs, rate × 0.2 thrice, weight decay 5e-4"  # at 60, 120 and 160
_IDENTITY = "He et al. 2016b"
_TORCHDISTILL = "torchdistill, CIFAR-10 README"
_HYSTS = "hysts/pytorch_image_classification, README"
LITERATURE = (
    LiteratureResult(
        "He et al. 2016, table 6",
        {
            "resnet20": 91.25,
            "resnet32": 92.49,
            "resnet44": 92.83,
            "resnet56": 93.03,
            "resnet110": 93.57,
            "resnet1202": 92.07,
        },
        "about 164 epochs",
        {"resnet110": SeveralRuns(93.39, 0.16, 5)},
        is_of_authors=True,
    ),
    LiteratureResult(
        "akamaster/pytorch_resnet_cifar10, README",
        {"resnet20": 91.73, "resnet32": 92.63, "resnet44": 93.10, "resnet56": 93.39, "resnet110": 93.68},
        "option A",
    ),
    LiteratureResult(
        "chenyaofo/pytorch-cifar-models, README",
        {"resnet20": 92.60, "resnet32": 93.53, "resnet44": 94.01, "resnet56": 94.37},
        "option B",
    ),
    LiteratureResult(
        _TORCHDISTILL,
        {"resnet20": 91.92, "resnet32": 93.03, "resnet44": 93.20, "resnet56": 93.57, "resnet110": 93.50},
        "182 epochs, batch 64, rate × 0.1 at 91 and 136; option B",
    ),
    LiteratureResult(
        _TORCHDISTILL,
        {"wrn40-4": 95.24, "wrn28-10": 95.53, "wrn16-8": 94.76},
        f"{_WIDE_TRAINING}, batch 64, no Nesterov",
    ),
    LiteratureResult(
        _IDENTITY,
        {"preresnet110": 93.63, "preresnet164": 94.54, "preresnet1001": 95.08},
        "batch 128; median of 5",
        is_of_authors=True,
    ),
    LiteratureResult(
        _IDENTITY,
        {"preresnet1001": 95.38},
        "batch 64; median of 5",
        {"preresnet1001": SeveralRuns(95.31, 0.20, 5)},
        is_of_authors=True,
    ),
    LiteratureResult(
        _HYSTS,
        {"preresnet110": 93.53, "preresnet164": 94.10},
        "160 epochs, rate × 0.1 at 80 and 120; option B; median of 3",
    ),
    LiteratureResult(
        _HYSTS,
        {"wrn28-10": 95.97},
        "batch 64; median of 3",
    ),
    LiteratureResult(
        _WIDE,
        {"wrn16-4": 94.98, "wrn16-8": 95.73, "wrn28-10": 96.00, "wrn40-4": 95.47, "wrn52": 93.57},
        f"{_WIDE_TRAINING}; median of 5",
        is_of_authors=True,
    ),
    LiteratureResult(
        _WIDE,
        {"wrn16-4-dropout0.3": 94.76, "wrn28-10-dropout0.3": 96.11, "wrn52-dropout0.3": 93.72},
        f"{_WIDE_TRAINING}; median of 5",
        is_of_authors=True,
    ),
    LiteratureResult(
        _WIDE,
        {"wrn22-8": 95.62},  # 17.2 million parameters, nearest to ResNet-20-8
        f"{_WIDE_TRAINING}; images whitened by ZCA",
        is_of_authors=True,
    ),
    LiteratureResult(
        "FashionMNIST README",
        {"wrn40-4": 96.7, "wrn28-10": 95.9},
        "as submitted, not verified there",
        dataset="fashionmnist",
        is_of_authors=True,
    ),
)

_AIRBENCH = "KellerJordan/cifar10-airbench, README"
METHOD_RESULTS = (
    MethodResult("cifar10", "airbench94", 94.01, _AIRBENCH, "3.8 s on an A100; mean of its runs"),
    MethodResult("cifar10", "airbench95", 95.01, _AIRBENCH, "10.4 s on an A100; mean of its runs"),
    MethodResult("cifar10", "airbench96", 96.03, _AIRBENCH, "34.7 s on an A100; mean of its runs"),
    MethodResult("fashionmnist", "ResNet-18", 94.9, "FashionMNIST README"),
    MethodResult("fashionmnist", "human", 83.5, "FashionMNIST README"),
    MethodResult("gtsrb", "spatial transformer", 99.71, "GTSRB results"),
    MethodResult("gtsrb", "IDSIA committee", 99.46, "GTSRB results"),
    MethodResult("gtsrb", "human", 98.84, "GTSRB results"),
    MethodResult("gtsrb", "random forest", 96.14, "GTSRB results"),
)
