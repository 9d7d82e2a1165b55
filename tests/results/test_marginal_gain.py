import pytest

from harness.paper.published import PUBLISHED
from harness.results.marginal_gain import marginal_gain

# From the paper: accuracy / (seconds per epoch × epochs), to four significant digits.
MARGINAL_GAINS = {
    ("cifar10", "resnet20"): 0.03152,
    ("cifar10", "resnet56"): 0.02096,
    ("cifar10", "resnet110"): 0.01264,
    ("cifar10", "resnet20-2"): 0.03185,
    ("cifar10", "resnet20-4"): 0.01234,
    ("cifar10", "resnet20-8"): 0.00402,
    ("fashionmnist", "resnet20"): 0.07705,
    ("fashionmnist", "resnet56"): 0.04214,
    ("fashionmnist", "resnet110"): 0.02469,
    ("fashionmnist", "resnet20-2"): 0.06861,
    ("fashionmnist", "resnet20-4"): 0.04067,
    ("fashionmnist", "resnet20-8"): 0.01595,
    ("gtsrb", "resnet24"): 0.01144,
    ("gtsrb", "resnet50"): 0.01054,
    ("gtsrb", "resnet101"): 0.00753,
    ("gtsrb", "resnet24-2"): 0.00531,
    ("gtsrb", "resnet24-4"): 0.00184,
}
EPOCHS = {"cifar10": 300, "fashionmnist": 150, "gtsrb": 40}


@pytest.mark.parametrize(("dataset", "model"), MARGINAL_GAINS)
def test_marginal_gain_matches_the_papers_tables(dataset, model):
    row = PUBLISHED[dataset, model]

    gain = marginal_gain(row.accuracy_percent, row.epoch_seconds * EPOCHS[dataset])

    assert round(gain, 5) == MARGINAL_GAINS[dataset, model]


def test_marginal_gain_is_percent_per_second():
    assert marginal_gain(90.0, 1800.0) == 0.05
