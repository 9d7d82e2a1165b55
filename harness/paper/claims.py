"""The paper's claims C1 to C18, as data.

A claim consists of statements that numbers can support or contradict. `harness.analysis.claim_verdicts` judges them on
the paper's own numbers and on the measurements.
"""

from dataclasses import dataclass
from typing import Literal

Quantity = Literal["accuracy_percent", "marginal_gain", "epoch_seconds", "params"]

CIFAR10, FASHIONMNIST, GTSRB = "cifar10", "fashionmnist", "gtsrb"


@dataclass(frozen=True)
class Amount:
    """A difference in accuracy as the paper prints it.

    Attributes:
        unit: percentage points, or percent of the other model's accuracy.
        decimals: the printed precision.
    """

    value: float
    unit: Literal["pp", "% relative"]
    decimals: int = 2

    @property
    def text(self) -> str:
        """The amount with its unit: ``3.64 pp``, ``2.47 % relative``."""
        return f"{self.value:.{self.decimals}f} {self.unit}"


@dataclass(frozen=True)
class Greater:
    """The statement that one model has more of a quantity than another.

    Attributes:
        claimed: the size of a difference in accuracy; None if the paper gives none.
    """

    dataset: str
    model: str
    other: str
    quantity: Quantity = "accuracy_percent"
    claimed: Amount | None = None


@dataclass(frozen=True)
class MostAccurate:
    """The statement that a model is the most accurate on a dataset."""

    dataset: str
    model: str


@dataclass(frozen=True)
class Times:
    """The statement that a model has a number of times another model's quantity.

    Attributes:
        ratio: the claimed ratio.
        claimed: the ratio in the paper's words.
    """

    dataset: str
    model: str
    other: str
    quantity: Quantity
    ratio: float
    claimed: str


@dataclass(frozen=True)
class GrowsExponentially:
    """The statement that a quantity grows exponentially with the width coefficient."""

    dataset: str
    quantity: Quantity


@dataclass(frozen=True)
class NearLiterature:
    """The statement that a model's accuracy on CIFAR-10 is within some percentage points of He et al.'s.

    Attributes:
        against: He et al.'s best run, or the mean of their runs.
    """

    model: str
    within_points: float
    against: Literal["best", "mean"] = "best"
    dataset: str = CIFAR10


@dataclass(frozen=True)
class FewerImagesWider:
    """The statement that width wins on small datasets and depth on large ones.

    The paper's datasets cannot test it: they differ in more than their size. Shares of one dataset's images can.
    """


@dataclass(frozen=True)
class PossibleF1:
    """The statement that no macro-F1 on a dataset exceeds the bound set by its accuracy."""

    dataset: str


Statement = Greater | MostAccurate | Times | GrowsExponentially | NearLiterature | FewerImagesWider | PossibleF1


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        name: ``C1`` to ``C18``.
        text: the claim in short.
        audit: the comparison with the paper's own numbers, in words.
        statements: the parts of the claim that numbers can support or contradict.
    """

    name: str
    text: str
    audit: str
    statements: tuple[Statement, ...]


CLAIMS = (
    Claim(
        "C1",
        "CIFAR-10: wider beats deeper at equal scale factor (resnet20-2 over resnet56, resnet20-4 over resnet110)",
        "holds (+0.84, +2.33 pp)",
        (Greater(CIFAR10, "resnet20-2", "resnet56"), Greater(CIFAR10, "resnet20-4", "resnet110")),
    ),
    Claim(
        "C2",
        "CIFAR-10: resnet20-8 is the most accurate, 3.64 pp over resnet110",
        "holds",
        (Greater(CIFAR10, "resnet20-8", "resnet110", claimed=Amount(3.64, "pp")), MostAccurate(CIFAR10, "resnet20-8")),
    ),
    Claim(
        "C3",
        "FashionMNIST: resnet20-4 is the most accurate, 0.72 pp over resnet110",
        "holds over resnet110 (z = 2.2 unpaired); +0.17 pp over resnet20-8 is not significant (p = .60)",
        (
            Greater(FASHIONMNIST, "resnet20-4", "resnet110", claimed=Amount(0.72, "pp")),
            MostAccurate(FASHIONMNIST, "resnet20-4"),
        ),
    ),
    Claim(
        "C4",
        "FashionMNIST: resnet20-2 is 0.11 pp over resnet56",
        "the difference holds; not significant (p = .75)",
        (Greater(FASHIONMNIST, "resnet20-2", "resnet56", claimed=Amount(0.11, "pp")),),
    ),
    Claim(
        "C5",
        "FashionMNIST: resnet20-8 is overwidened (below resnet20-4)",
        "−0.17 pp; not significant (p = .60)",
        (Greater(FASHIONMNIST, "resnet20-4", "resnet20-8"),),
    ),
    Claim(
        "C6",
        "GTSRB: deeper beats wider; resnet101 is best (the text says ResNet-110: a slip)",
        "holds against resnet24-4 (z = 7.5); resnet101 over resnet50 is not significant (p = .16)",
        (
            Greater(GTSRB, "resnet101", "resnet24-4"),
            Greater(GTSRB, "resnet50", "resnet24-2"),
            MostAccurate(GTSRB, "resnet101"),
        ),
    ),
    Claim(
        "C7",
        "GTSRB: resnet24-4 is 0.45 pp below resnet24-2",
        "−0.49 pp (the text says 0.45); not significant (p = .13)",
        (
            Greater(GTSRB, "resnet24-2", "resnet24-4", claimed=Amount(0.45, "pp")),
        ),  # printed as "0.45%"; relative it is 0.53 %
    ),
    Claim(
        "C8",
        "GTSRB: resnet101 is 2.47 % and resnet50 is 2.04 % over resnet24-4",
        "those are relative; in percentage points 2.29 and 1.89",
        (
            Greater(GTSRB, "resnet101", "resnet24-4", claimed=Amount(2.47, "% relative")),
            Greater(GTSRB, "resnet50", "resnet24-4", claimed=Amount(2.04, "% relative")),
        ),
    ),
    Claim(
        "C9",
        "Marginal gain of resnet20-2 over resnet56: +65.5 % on FashionMNIST, +53.6 % on CIFAR-10",
        "true of the figure's bars; +62.8 %, +51.9 % from table 4",
        (
            Times(FASHIONMNIST, "resnet20-2", "resnet56", "marginal_gain", 1.655, "+65.5 %"),
            Times(CIFAR10, "resnet20-2", "resnet56", "marginal_gain", 1.536, "+53.6 %"),
        ),
    ),
    Claim(
        "C10",
        "Marginal gain of resnet20-4 over resnet110: +61.0 % on FashionMNIST, −1.6 % on CIFAR-10",
        "figure only; +64.7 %, −2.4 % from table 4",
        (
            Times(FASHIONMNIST, "resnet20-4", "resnet110", "marginal_gain", 1.61, "+61.0 %"),
            Times(CIFAR10, "resnet20-4", "resnet110", "marginal_gain", 0.984, "−1.6 %"),
        ),
    ),
    Claim(
        "C11",
        "The benefit of width falls below depth's at ω ≥ 8",
        "contradicts C10: already at ω = 4 on CIFAR-10; no depth model matches ω = 8 (resnet218 would)",
        (
            Greater(CIFAR10, "resnet20-4", "resnet110", "marginal_gain"),  # below ω = 8 width is claimed to be ahead
            Greater(CIFAR10, "resnet218", "resnet20-8", "marginal_gain"),  # twice the blocks of 110, not in the paper
        ),
    ),
    Claim(
        "C12",
        "Epoch time of resnet20-4 against resnet110: +4.83 % on CIFAR-10, 63.43 % lower on FashionMNIST; "
        "resnet20-2 against resnet56 there 62.64 % lower",
        "+5.08 %; 38.8 % lower; 38.5 % lower (divided by the wrong side)",
        (
            Times(CIFAR10, "resnet20-4", "resnet110", "epoch_seconds", 1.0483, "+4.83 %"),
            Times(FASHIONMNIST, "resnet20-4", "resnet110", "epoch_seconds", 1 - 0.6343, "63.43 % lower"),
            Times(FASHIONMNIST, "resnet20-2", "resnet56", "epoch_seconds", 1 - 0.6264, "62.64 % lower"),
        ),
    ),
    Claim(
        "C13",
        "resnet20-4 has four times the parameters of resnet110",
        "2.48 times",
        (Times(CIFAR10, "resnet20-4", "resnet110", "params", 4.0, "four times"),),
    ),
    Claim(
        "C14",
        "resnet20-8 takes nearly four times the epoch time of resnet20-4 on CIFAR-10, 2.5 times on FashionMNIST",
        "3.12 times; 2.55 times",
        (
            Times(CIFAR10, "resnet20-8", "resnet20-4", "epoch_seconds", 4.0, "nearly four times"),
            Times(FASHIONMNIST, "resnet20-8", "resnet20-4", "epoch_seconds", 2.5, "2.5 times"),
        ),
    ),
    Claim(
        "C15",
        "Parameters and time grow exponentially with width",
        "parameters grow as ω² (3.99 times per doubling)",
        (GrowsExponentially(GTSRB, "params"), GrowsExponentially(GTSRB, "epoch_seconds")),
    ),
    Claim(
        "C16",
        "Within 2 pp of the literature on CIFAR-10",
        "2.35 / 3.10 / 4.07 pp below He et al. for resnet20 / 56 / 110 (3.89 pp below their mean of resnet110)",
        (
            NearLiterature("resnet20", 2.0),
            NearLiterature("resnet56", 2.0),
            NearLiterature("resnet110", 2.0),
            NearLiterature("resnet110", 2.0, "mean"),  # of the other models He et al. report one run
        ),
    ),
    Claim(
        "C17",
        "Small data: wider and shallower; large data: deeper",
        "'large' is by image size: GTSRB has the fewest images; block type, resolution, epochs, batch and augmentation "
        "differ too",
        (FewerImagesWider(),),
    ),
    Claim(
        "C18",
        "F1 agrees with accuracy",
        "two published F1 are suspect: FashionMNIST resnet20-2 (94.27 at 93.59) exceeds the bound that accuracy sets "
        "(94.25), CIFAR-10 resnet110 (90.58 at 89.50) is within .4 of it",
        (PossibleF1(CIFAR10), PossibleF1(FASHIONMNIST)),
    ),
)
