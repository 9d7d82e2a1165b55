"""The paper's FashionMNIST experiments (table 4): 150 epochs each with --full-training."""

import pytest

from harness.paper.expectations import unmet_expectations
from harness.paper.published import STUDY_MODELS


@pytest.mark.experiment("fashionmnist", models=STUDY_MODELS["fashionmnist"])
def test_fashionmnist(trained, epoch_records):
    assert unmet_expectations(trained, epoch_records) == []
