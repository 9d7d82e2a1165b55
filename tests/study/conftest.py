"""Fixtures of the study room's tests."""

import pytest
from PIL import Image

from harness.config.settings import read_settings
from harness.study.estimate import Estimate


@pytest.fixture
def make_settings(tmp_path):
    """Makes settings on the CPU by options, with all folders in the test's own."""

    def make(**options):
        folders = {"data_dir": str(tmp_path), "results_dir": str(tmp_path / "r"), "report_dir": str(tmp_path / "p")}
        return read_settings({"device": "cpu", "precision": "fp32"} | folders | options, {})

    return make


@pytest.fixture
def gtsrb_class_folders(tmp_path):
    """GTSRB in the data folder: for each class two tracks of two shots, for training and for testing."""
    root = tmp_path / "gtsrb"
    for label in range(43):
        for split in ("train", "test"):
            folder = root / split / f"{label:05d}"
            folder.mkdir(parents=True)
            for track in range(2):
                for shot in range(2):
                    Image.new("RGB", (9, 9), (label, track, shot)).save(folder / f"{track:05d}_{shot:05d}.png")
    return root


@pytest.fixture
def timed(monkeypatch):
    """Replaces estimates by 1.5 seconds an epoch; keeps the model and the numbers of images of each."""
    timed = []

    def fake(experiment, spec, train_images, evaluated_images, device, precision, pipeline, **_):
        timed.append((experiment.model, train_images, evaluated_images))
        return Estimate(1.5, experiment.recipe.epochs)

    monkeypatch.setattr("harness.study.plan.estimate", fake)
    return timed
