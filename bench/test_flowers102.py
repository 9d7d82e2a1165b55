"""Flowers-102, the study's future work: networks of the ImageNet family, 300 epochs each with --full-training."""

import pytest

from harness.paper.expectations import unmet_expectations

MODELS = ("resnet24", "resnet50", "resnet101", "resnet24-2")


@pytest.mark.experiment("torchvision:Flowers102", models=MODELS)
def test_flowers102(trained, epoch_records):
    assert unmet_expectations(trained, epoch_records) == []
