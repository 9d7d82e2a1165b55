"""A case's reports in the driver's results folder: whole, or not there."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")

from harness.errors import InputError
from harness.study.engines.cluster import case_runner
from harness.training import checkpoint
from tests.study.engines.cluster.fake_cluster import lost_at, submit, train


def flipped(report, name, place):
    """The report with one bit of a file changed."""
    files = {key: np.array(content) for key, content in report.files.items()}
    files[name][place] ^= 1
    return replace(report, files=files)


def test_a_checkpoint_changed_on_its_way_is_not_stored(engine, experiment):
    def flip(number, report):
        for name, content in report.files.items():
            if checkpoint.is_part(name) and not name.endswith(".sha256"):
                return flipped(report, name, content.size // 2)
        return report

    engine._cluster.faults = [flip]
    with pytest.raises(InputError, match="was damaged on its way here"):
        train(engine, experiment)
    assert checkpoint.newest_first(engine._results.folder(engine.case(experiment))) == []


def test_a_result_whose_files_were_changed_is_not_stored(engine, experiment):
    def flip(number, report):
        return flipped(report, "predictions.npz", 0) if "predictions.npz" in report.files else report

    engine._cluster.faults = [flip]
    with pytest.raises(InputError, match=r"predictions\.npz does not match its SHA-256"):
        train(engine, experiment)
    assert not list(engine._results.root.glob("*/result.json"))


def test_a_case_whose_report_cannot_be_stored_is_cancelled_on_its_node(engine, experiment, monkeypatch):
    def full(*_):
        raise InputError("cannot write results: no space")

    monkeypatch.setattr(case_runner, "store_report", full)
    with pytest.raises(InputError, match="no space"):
        train(engine, experiment)
    assert len(engine._cluster.cancelled) == 1


def test_close_releases_a_case_only_after_its_report_is_stored(engine, experiment, monkeypatch):
    has_begun, was_locked = threading.Event(), []

    def slow(results, case, *_):
        has_begun.set()
        time.sleep(0.5)
        was_locked.append(results.lock(case) is None)

    monkeypatch.setattr(case_runner, "store_report", slow)
    submit(engine, experiment)
    has_begun.wait()
    engine.close()
    assert was_locked == [True]


def test_checkpoints_beside_a_finished_result_are_removed(engine, make_engine, experiment):
    (result,), _ = train(engine, experiment)
    left = engine._results.folder(result.case) / "checkpoint-00003-1.safetensors"
    left.write_bytes(b"left by a kill")
    train(make_engine(), experiment)
    assert not left.exists()


def test_a_later_checkpoint_that_no_node_can_resume_is_quarantined(engine, experiment):
    engine.prepare([experiment], lambda _: None)
    folder = engine._results.folder(engine.case(experiment))
    folder.mkdir(parents=True)
    name = "checkpoint-00099-7.safetensors"
    (folder / name).write_bytes(b"damaged")
    (folder / f"{name}.sha256").write_text("0" * 64)
    engine._cluster.faults = [lost_at(3)]
    (result,), recorder = train(engine, experiment)
    assert result.interrupted_after == (2,)
    assert (folder / f"{name}.refused").exists()
    assert any(f"{name} is damaged" in text for text in recorder.notices)
