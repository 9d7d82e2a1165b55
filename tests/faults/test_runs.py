"""A whole pytest run, stopped by real signals and by SIGKILL, and resumed by the same command."""

import hashlib
import os
import random
import re
import resource
import signal
import time

import pytest

from harness.results.folder import ResultsFolder
from harness.training import checkpoint
from tests.helpers.own_bench import write_own_bench
from tests.helpers.planted import hard_linked_backup
from tests.helpers.pytest_process import REPOSITORY, Run
from tests.helpers.training import outcome

BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
RECIPE = replace(DIGITS, epochs={epochs}, milestones=(), batch_size=32)
@pytest.mark.experiment("digits", models=["resnet8", "resnet8-2"], recipe=RECIPE)
def test_digits(trained):
    assert trained.is_complete
"""


@pytest.fixture
def folder(tmp_path):
    def make(name, epochs):
        place = tmp_path / name
        place.mkdir()
        (place / "test_digits.py").write_text(BENCH.format(epochs=epochs))
        return place

    return make


def outcomes(folder):
    results = ResultsFolder(folder / "results")
    read, problems = results.read_all()
    assert problems == []
    return {(result.model, result.seed): outcome(result.case, results) for result in read}


@pytest.mark.parametrize(
    ("pipeline", "sent"),
    [
        pytest.param("fast", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("reference", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("fast", signal.SIGTERM, marks=pytest.mark.release),  # each signal and pipeline is above
        pytest.param("reference", signal.SIGINT, marks=pytest.mark.release),
    ],
)
def test_signal_keeps_the_last_epoch_and_reports_the_results_so_far(pipeline, sent, folder):
    epochs = 20 if pipeline == "fast" else 4
    place, pipeline = folder("run", epochs=epochs), ["--pipeline", pipeline]
    run = Run(place, *pipeline)
    run.wait_for_epochs(epochs + 1)  # the first model is finished, the second is being trained
    os.killpg(run.process.pid, sent)  # as a terminal and `timeout` do: loader processes get it too
    code, said = run.end()
    assert code == pytest.ExitCode.INTERRUPTED
    assert "interrupted: digits resnet8-2 seed 0, " in said
    assert "wider or deeper" in said
    assert re.search(r"^resnet8 .*75\.00k", said, re.MULTILINE)
    assert "not finished: digits-resnet8-2-seed0-full-" in said
    assert "rerun the command to resume" in said
    assert "was not used at all" not in said
    code, said = Run(place, *pipeline).end()
    assert code == pytest.ExitCode.OK
    assert "digits resnet8-2 seed 0: resuming after epoch " in said
    assert "resnet8-2 seed 0: interrupted after epoch " in said
    assert "not finished" not in said


@pytest.mark.slow
def test_full_disk_fails_the_test_with_a_two_line_message(folder):
    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))

    code, said = Run(folder("run", epochs=2), "-k", "resnet8-seed0", before=full).end()
    assert code == pytest.ExitCode.TESTS_FAILED
    assert "cannot write results to" in said
    assert "(File too large): free space or give another --results-dir" in said
    assert "Traceback" not in said
    assert "InputError" not in said


def kill_and_resume(place, kills, moments, *arguments, variables=None, after_kill=lambda _: None):
    """Kill the run at random moments, then let it finish; return how often it was still running.

    Args:
        after_kill: called with the number of kills so far.
    """
    running = 0
    for number in range(1, kills + 1):
        run = Run(place, *arguments, variables=variables)
        time.sleep(moments())
        running += run.process.poll() is None
        run.end(signal.SIGKILL)
        after_kill(number)
    code, said = Run(place, *arguments, variables=variables).end()
    assert code == pytest.ExitCode.OK, said
    return running


@pytest.mark.slow
def test_study_killed_at_random_moments_is_bit_identical(folder):
    undisturbed, killed = folder("undisturbed", epochs=20), folder("killed", epochs=20)
    assert Run(undisturbed).end()[0] == pytest.ExitCode.OK
    moments = random.Random(0)
    assert kill_and_resume(killed, 3, lambda: moments.uniform(3, 7)) > 0
    assert outcomes(killed) == outcomes(undisturbed)


@pytest.mark.release  # as the study above; own families are killed on a shared device and on a cluster too
def test_own_family_killed_at_random_moments_is_bit_identical(tmp_path):
    undisturbed, killed = (write_own_bench(tmp_path / name, epochs=20, batch_size=32) for name in ("alone", "killed"))
    variables = {"IMPORTS": str(tmp_path / "imports")}
    assert Run(undisturbed, variables=variables).end()[0] == pytest.ExitCode.OK
    moments = random.Random(0)
    assert kill_and_resume(killed, 3, lambda: moments.uniform(3, 7), variables=variables) > 0
    assert outcomes(killed) == outcomes(undisturbed)


def checkpoints_in(results):
    return [path for folder in results.glob("*/") for path in checkpoint.newest_first(folder)]


@pytest.mark.soak
def test_digits_study_killed_thirty_times_is_bit_identical(tmp_path):
    undisturbed, killed, backup = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "backup"
    arguments, contents = [str(REPOSITORY / "bench"), "-k", "digits"], {}

    def back_up_in_the_middle(kills):
        if kills >= 15 and not contents and checkpoints_in(killed / "results"):
            contents.update(hard_linked_backup(killed / "results", backup))

    for place in (undisturbed, killed):
        place.mkdir()
    assert Run(undisturbed, *arguments).end()[0] == pytest.ExitCode.OK
    moments = random.Random(0)
    after_kill = back_up_in_the_middle
    assert kill_and_resume(killed, 30, lambda: moments.uniform(2, 15), *arguments, after_kill=after_kill) > 25
    assert len(outcomes(undisturbed)) == 25
    assert outcomes(killed) == outcomes(undisturbed)
    assert contents == {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
    saved = checkpoints_in(backup)
    assert saved, "no checkpoint at any kill from the 15th on: the machine is too busy for this test"
    for path in saved:
        assert checkpoint.hash_path(path).read_text().startswith(hashlib.sha256(path.read_bytes()).hexdigest())
    print(f"\nbackup: {len(contents)} files, {len(saved)} checkpoints, all as when it was made")
