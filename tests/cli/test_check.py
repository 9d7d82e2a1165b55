import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.results.declared_tuning import declare_tuning
from harness.results.inference_time import InferenceTime
from tests.analysis.tuned import RATES, declared, run_at, trial_at
from tests.cli.checked_output import checked_output
from tests.helpers import REPOSITORY
from tests.helpers.guarding import AFTER, BEFORE, before, failed, trained
from tests.helpers.synthetic import store, synthetic_result


@pytest.fixture
def folders(tmp_path):
    """Return a function that stores results in BASE and NEW, and the arguments that check them."""

    def make(base, new):
        for name, results in (("base", base), ("new", new)):
            (tmp_path / name).mkdir()
            for result in results:
                store(tmp_path / name, result)
        return ["check", str(tmp_path / "base"), str(tmp_path / "new")]

    return make


def test_check_passes_within_the_limits(folders, capsys):
    assert main(folders(before(), trained())) == 0
    assert capsys.readouterr().out.splitlines() == [
        "limits: accuracy -0.5 pp (default), epoch time +10% (default), parameters +0%",
        "  (default), MACs +0% (default), peak memory +10% (default)",
        "5 comparisons of 1 case: within the limits",
    ]


def test_check_fails_with_a_row_per_violation_in_80_columns(folders, capsys):
    arguments = folders(before(), trained(params=80_000, accuracies=(90.0, 90.1, 90.2)))
    assert main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("digits resnet8 ")] == ["accuracy", "parameters"]
    assert lines[-1] == "5 comparisons of 1 case: 2 beyond the limits"
    assert max(map(len, lines)) <= 80
    assert main([*arguments, "--max-accuracy-drop", "none", "--max-params", "+10%"]) == 0


def test_a_limit_given_by_an_environment_variable_counts_as_given(folders, monkeypatch, capsys):
    arguments = folders(before(), trained(environment={"threads": 1}))
    assert main(arguments) == 0
    monkeypatch.setenv("WIDER_OR_DEEPER_MAX_EPOCH_TIME", "+20%")
    assert main(arguments) == 2
    assert "not compared: digits resnet8, epoch time: 2 threads → 1 thread" in capsys.readouterr().out


@pytest.fixture
def tuned_folder(tmp_path):
    """Return a function that stores plain runs, those at the rate chosen, and trials that are far worse."""

    def make(name, at, chosen=0.05, accuracy=96.0, seeds=(0, 1, 2), trial_percent=50.0):
        declare_tuning(tmp_path / name, [declared("resnet20", chosen)])
        results = [run_at("resnet20", seed, accuracy=96.0 + 0.1 * seed) for seed in seeds]
        if chosen != 0.05:
            results += [run_at("resnet20", seed, chosen, accuracy + 0.1 * seed) for seed in seeds]
        results += [trial_at("resnet20", 1_000_000, rate, test_accuracy=trial_percent) for rate in RATES]
        for one in results:
            store(tmp_path / name, replace(one, started_at=at, finished_at=at))
        return str(tmp_path / name)

    return make


def test_trials_of_learning_rates_are_not_compared(tuned_folder, folders, capsys):
    again = [replace(run_at("resnet20", seed, accuracy=96.0), started_at=AFTER) for seed in range(3)]
    _, _, plain = folders([], again)
    base, worse_trials = tuned_folder("tuned", BEFORE), tuned_folder("worse", AFTER, trial_percent=20.0)
    for new in (plain, worse_trials):
        assert main(["check", base, new]) == 0
        assert "5 comparisons of 1 case: within the limits" in capsys.readouterr().out


@pytest.mark.parametrize(("accuracy", "code"), [(97.0, 0), (90.0, 1)])
@pytest.mark.parametrize("before", [0.05, 0.1])
def test_runs_at_the_chosen_rate_are_one_case_at_any_rate(tuned_folder, capsys, accuracy, code, before):
    base = tuned_folder("tuned", BEFORE, before)
    assert main(["check", base, tuned_folder("moved", AFTER, 0.02, accuracy)]) == code
    out = capsys.readouterr().out
    assert "10 comparisons of 2 cases" in out
    assert ("digits resnet20 · tuned learning rates  accuracy" in out) == bool(code)


def test_a_damaged_declaration_of_trials_is_refused(tuned_folder, capsys):
    base, new = tuned_folder("tuned", BEFORE), tuned_folder("again", AFTER)
    (Path(new) / "tuning.json").write_text("{}")
    assert main(["check", base, new]) == 2
    assert "tuning.json" in capsys.readouterr().err


def test_json_is_one_object_and_nothing_else(folders, capsys):
    arguments = folders(before(), trained(params=80_000))
    assert main([*arguments, "--json"]) == 1
    content = checked_output("check", capsys.readouterr().out)
    assert content["base"] == arguments[1]
    assert [one["measure"] for one in content["violations"]] == ["params"]
    assert {"comparisons", "not_compared", "limits", "exit_code"} <= content.keys()


def test_json_has_changed_statuses_and_what_was_not_compared(folders, capsys):
    new = [*trained((96.0, 96.2), environment={"threads": 1}), failed(2)]
    assert main([*folders(before(), new), "--json"]) == 1
    content = checked_output("check", capsys.readouterr().out)
    assert [one["after"] for one in content["violations"] if one["measure"] == "status"] == ["2 complete, 1 diverged"]
    assert {one["measure"] for one in content["not_compared"]} == {"epoch_seconds", "peak_memory_bytes"}


def error_of(capsys, arguments):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) <= 2
    return captured.err


def test_wrong_folders_are_an_error_of_one_line(folders, tmp_path, capsys):
    command, base, new = folders(before(), trained())
    assert f"error: {tmp_path}/gone does not exist" in error_of(capsys, [command, base, f"{tmp_path}/gone"])
    assert "are one folder: name the earlier results first" in error_of(capsys, [command, base, f"{new}/../base"])
    (tmp_path / "empty").mkdir()
    assert f"error: {tmp_path}/empty has no results: name a folder" in error_of(
        capsys, [command, f"{tmp_path}/empty", new]
    )
    (case,) = (tmp_path / "new").glob("*seed0*")
    assert "one case's folder: name the folder above it" in error_of(capsys, [command, base, str(case)])
    assert "--max-macs 'few': give the largest rise" in error_of(capsys, [command, base, new, "--max-macs", "few"])


def test_damaged_results_and_a_folder_of_smoke_runs_are_refused(folders, tmp_path, capsys):
    arguments = folders(before(), [synthetic_result("digits", "resnet8", 0, 96.0, mode="quick")])
    assert "has only results of quick mode, which measures nothing" in error_of(capsys, arguments)
    (damaged, *_) = (tmp_path / "base").glob("*/result.json")
    damaged.write_text("{}")
    assert f"{damaged} is not a result of this harness" in error_of(capsys, arguments)


def test_help_states_defaults_and_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(default: +10%)" in said
    assert "Exit codes: 0, within the limits; 1, a limit is violated; 2," in said


def test_check_needs_no_torch(folders):
    arguments = folders(before(), trained())
    program = f"""import sys
from harness.__main__ import main
sys.exit(main({arguments}) or "torch" in sys.modules)"""
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=REPOSITORY, check=True, capture_output=True)


def test_a_disturbed_latency_that_is_asked_for_does_not_pass(folders, capsys):
    times = (InferenceTime(1, 2, 15, 0.01, 0.001), InferenceTime(64, 2, 15, 0.1, 0.001))
    disturbed = tuple(replace(one, is_disturbed=True) for one in times)
    arguments = folders(before(inference=times), trained(inference=disturbed))
    assert main(arguments) == 0
    assert main([*arguments, "--max-latency", "+10%"]) == 2
    assert "not compared: digits resnet8, latency: that of seed 0 in the new results" in capsys.readouterr().out
