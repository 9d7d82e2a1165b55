"""Fixtures for the tests of training."""

import pytest

from harness.results.folder import ResultsFolder
from harness.training import checkpoint
from harness.training.train import train
from tests.helpers.tiny import CPU
from tests.helpers.training import outcome
from tests.training.checkpoints import make_checkpoint


@pytest.fixture
def undisturbed(tmp_path):
    """A function that trains a case without an interruption and returns its outcome."""

    def make(case, dataset):
        results = ResultsFolder(tmp_path / "undisturbed")
        train(case, dataset, results, CPU)
        return outcome(case, results)

    return make


@pytest.fixture
def saved(tmp_path):
    """The path of the later of two checkpoints saved."""
    for epochs in (1, 2):
        checkpoint.save(tmp_path, make_checkpoint(epochs))
    return checkpoint.newest_first(tmp_path)[0]
