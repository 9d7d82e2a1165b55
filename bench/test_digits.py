"""The harness's own small study, on scikit-learn's digits: 24 epochs and five seeds each with --full-training."""

import pytest

from harness.paper.expectations import unmet_expectations
from harness.paper.published import STUDY_MODELS


@pytest.mark.experiment("digits", models=STUDY_MODELS["digits"], seeds=range(5))
def test_digits(trained, epoch_records):
    assert unmet_expectations(trained, epoch_records) == []
