"""A real SIGKILL at every critical moment: the next run resumes, and its outcome is bit-identical."""

import itertools
import random
import time
from dataclasses import replace

import pytest

from harness.results.folder import ResultsFolder
from tests.faults.processes import Process, run, train_tiny, train_tiny_until_step
from tests.helpers.tiny import TINY_RECIPE, make_case
from tests.helpers.training import outcome


@pytest.fixture(scope="module")
def undisturbed(tiny_dataset, tmp_path_factory):
    results = ResultsFolder(tmp_path_factory.mktemp("undisturbed"))
    assert run(train_tiny, results.root)[0] == "complete"
    return outcome(make_case(tiny_dataset), results)


@pytest.mark.slow
def test_resume_after_sigkill_at_any_write_is_bit_identical(tiny_dataset, tmp_path, undisturbed):
    case = make_case(tiny_dataset)
    for step in itertools.count(1):
        results = ResultsFolder(tmp_path / str(step))
        killed = run(train_tiny_until_step, results.root, step)
        if killed is not None:
            break
        status, epochs, notices = run(train_tiny, results.root)
        assert (status, notices) == ("complete", [])
        assert outcome(case, results) == undisturbed
        assert epochs <= 3
        assert {path.name for path in results.folder(case).iterdir()} <= {
            ".lock", "epochs.jsonl", "logits.npy", "predictions.npz", "result.json", "weights.safetensors",
        }, step  # fmt: skip
    assert step > 40


def test_resume_after_many_random_sigkills_is_bit_identical(tiny_dataset, tmp_path):
    recipe = replace(TINY_RECIPE, epochs=30)
    case = make_case(tiny_dataset, recipe=recipe)
    alone, disturbed = ResultsFolder(tmp_path / "alone"), ResultsFolder(tmp_path / "disturbed")
    run(_train_longer, alone.root, recipe)
    moments, kills = random.Random(0), 0
    while disturbed.find(case) is None:
        process = Process(_train_longer, disturbed.root, recipe)
        if kills < 10:
            time.sleep(moments.uniform(0, 0.3))  # independent of what it does
            process.kill()
        kills += process.wait() is None
    assert kills > 1
    assert outcome(case, disturbed) == outcome(case, alone)


def _train_longer(root, recipe):
    return train_tiny(root, recipe=recipe)
