"""The paper's GTSRB experiments (table 6): 40 epochs each with --full-training."""

import pytest

from harness.paper.expectations import unmet_expectations
from harness.paper.published import STUDY_MODELS


@pytest.mark.experiment("gtsrb", models=STUDY_MODELS["gtsrb"])
def test_gtsrb(trained, epoch_records):
    assert unmet_expectations(trained, epoch_records) == []
