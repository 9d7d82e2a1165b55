"""The harness's own small study, on images that ship with scikit-learn: 20 epochs each with --full-training."""

import pytest

from harness.paper.expectations import shortfalls
from harness.paper.published import STUDY


@pytest.mark.experiment("digits", models=STUDY["digits"])
def test_digits(trained, epoch_records):
    assert shortfalls(trained, epoch_records) == []
