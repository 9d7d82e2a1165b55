"""Measure the study's theory (section 2.1): do gradients reach the first layers of a deep network?

Each test measures the mean gradient norm of every layer on the embedded digits, at initialisation and after one epoch,
of networks without shortcuts (`plain`) and of residual ones, always at fp32. It runs only if the command line selects
it (`pytest bench -k gradients`), takes about a minute on two cores, and adds a figure to the report.
"""

import pytest

MODELS = ["plain20", "resnet20", "plain56", "resnet56", "plain110", "resnet110"]
pytestmark = pytest.mark.measurement


@pytest.mark.parametrize("model", MODELS)
def test_gradients(model, workbench):
    norms = workbench.measure_gradients("digits", model)
    assert len(norms.layers) == int(model.removeprefix("plain").removeprefix("resnet"))
    assert min(norms.at_start) > 0, "a layer gets no gradient at initialisation"
