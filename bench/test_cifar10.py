"""The paper's CIFAR-10 experiments (table 4): 300 epochs each with --full-training."""

import pytest

from harness.paper.expectations import unmet_expectations
from harness.paper.published import STUDY_MODELS


@pytest.mark.experiment("cifar10", models=STUDY_MODELS["cifar10"])
def test_cifar10(trained, epoch_records):
    assert unmet_expectations(trained, epoch_records) == []
