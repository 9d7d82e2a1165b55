from types import SimpleNamespace

import pytest

from harness.__main__ import main
from harness.cli import plan as plan_module
from harness.cli.outputs import PlannedCase, PlanOutput
from harness.cli.plan import state_of
from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.study.estimate import Estimate
from tests.cli.checked_output import checked_output
from tests.helpers.busy import needs_affinity, pinned_beside_a_busy_process
from tests.helpers.disturbances import QUIET, busy


@pytest.mark.slow
def test_plan_lists_the_selected_cases_with_their_time(in_a_process, tmp_path):
    folders = ("--results-dir", str(tmp_path / "r"), "--report-dir", str(tmp_path / "p"))
    ran = in_a_process(
        "plan", "-k", "digits and resnet8-", "--full-training", "--seeds", "0,1", "--device", "cpu", *folders
    )
    assert ran.returncode == 0, ran.stderr
    rows = [line.split() for line in ran.stdout.splitlines() if line.startswith("digits ")]
    assert [row[1] + row[3] for row in rows] == [
        "resnet80", "resnet81", "resnet8-20", "resnet8-21", "resnet8-40", "resnet8-41",
    ]  # fmt: skip
    assert "6 cases; about" in ran.stdout
    assert "digits: 2 seeds can detect " in ran.stdout
    assert "assumed spread between seeds 0.30 pp" in ran.stdout
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0", "--full-training"], "error: --epochs '0': give whole numbers, 1 or more"),
        (["-k", "nothing_of_the_kind", "--json"], "error: no experiment is selected"),
        (["--no-such-option"], "error: unrecognized arguments: --no-such-option"),
        (["no_such_folder.py"], "error: file or directory not found: no_such_folder.py"),
        (["-p", "no:harness.plugin"], "error: experiments need the plugin: leave out `-p no:harness.plugin`"),
    ],
)
def test_plan_refuses_what_pytest_refuses(arguments, says, in_a_process):
    ran = in_a_process("plan", *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(says)
    assert "Traceback" not in ran.stderr


def test_plan_without_a_bench_says_how_to_get_one(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "-k", "digits"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: this folder has no bench: name a bench file, e.g. `wider-or-deeper plan my_ben")
    assert "`wider-or-deeper new my_bench.py` writes a bench file" in message
    assert len(message.splitlines()) == 2


@pytest.mark.release  # the plan beside a busy process prints JSON too
def test_plan_prints_json_alone_on_standard_output(in_a_process, tmp_path):
    options = ("--full-training", "--seeds", "0,1", "--device", "cpu", "--results-dir", str(tmp_path / "r"))
    ran = in_a_process("plan", "-k", "digits and (resnet8-seed or resnet8-2)", "--json", *options)
    found = checked_output("plan", ran.stdout)
    assert [(case["model"], case["seed"]) for case in found["cases"]] == [
        ("resnet8", 0), ("resnet8", 1), ("resnet8-2", 0), ("resnet8-2", 1),
    ]  # fmt: skip
    assert found["remaining_seconds"] == sum(case["total_seconds"] for case in found["cases"])
    (power,) = found["power"]
    assert (power["dataset"], power["seeds"], power["models"], power["is_spread_measured"]) == ("digits", 2, 2, False)
    assert "timing a few steps" in ran.stderr


def test_plan_tells_variants_apart(monkeypatch, capsys, tmp_path):
    values = {"epochs": "2,24", "train_fraction": "0.1,1", "full_training": True, "device": "cpu"}
    settings = read_settings(values | {"results_dir": str(tmp_path)}, {})
    planned = [
        plan_experiment(settings, "digits", model, seed, variant=variant)
        for variant in settings.variants()
        for model in ("resnet8", "resnet20")
        for seed in (0, 1)
    ]
    monkeypatch.setattr("harness.study.plan.estimate", lambda one, *_, **__: Estimate(1.0, one.recipe.epochs))
    plan_module._print_plan(settings, planned, as_json=False)
    shown = capsys.readouterr().out
    assert "digits resnet8 seed 0 epochs2-fraction0.1 " in shown
    assert "digits epochs24-fraction1: 2 seeds can detect " in shown
    plan_module._print_plan(settings, planned, as_json=True)
    found = checked_output("plan", capsys.readouterr().out)
    assert {(one["variant"], one["train_fraction"], one["epochs"]) for one in found["cases"]} == {
        ("epochs2-fraction0.1", 0.1, 2), ("epochs2-fraction1", 1.0, 2),
        ("epochs24-fraction0.1", 0.1, 24), ("epochs24-fraction1", 1.0, 24),
    }  # fmt: skip
    assert [one["variant"] for one in found["power"]] == [one.name for one in settings.variants()]


def test_plan_notes_bf16_without_hardware_for_it(monkeypatch, capsys):
    monkeypatch.setattr("harness.hardware.device.computes_bf16", lambda _: False)
    monkeypatch.setattr("harness.study.plan.plan", lambda *_: [])
    for precision in ("fp32", "bf16"):
        plan_module._print_plan(read_settings({"device": "cpu", "precision": precision}, {}), [], as_json=False)
    assert capsys.readouterr().err.count("does not compute bf16 in hardware") == 1


@pytest.mark.parametrize(
    ("is_finished", "is_of_other_code", "state"),
    [(True, False, "finished"), (False, True, "other code"), (False, False, "to train")],
)
def test_plan_names_a_result_of_other_code(is_finished, is_of_other_code, state):
    assert state_of(planned_case(is_finished=is_finished, is_of_other_code=is_of_other_code)) == state


def planned_case(model="resnet8", disturbed_by=(), *, is_finished=False, is_of_other_code=False, failure=None):
    return PlannedCase(
        dataset="digits", model=model, seed=0, recipe="digits", image_size=8, mode="full", epochs=24,
        epoch_seconds=None if failure else 0.1, total_seconds=None if failure else 2.4, is_finished=is_finished,
        is_of_other_code=is_of_other_code, estimate_error=None, failure=failure, disturbed_by=disturbed_by,
    )  # fmt: skip


def printed(capsys, *cases, slowed_by=()):
    """Return the lines that `plan` prints on these cases."""
    output = PlanOutput(
        device="cpu", precision="fp32", pipeline="fast", cases=list(cases), remaining_seconds=1, power=[]
    )
    plan_module._print_cases(output, [f"digits {case.model} seed 0" for case in cases], slowed_by)
    return capsys.readouterr().out.splitlines()


def test_plan_marks_times_that_remained_disturbed(capsys):
    causes = ("other processes used 1.0 cores", "the GPU was throttled")
    lines = printed(capsys, planned_case("resnet8", causes), planned_case("resnet14"), slowed_by=causes)
    assert [line.split()[4:] for line in lines if line.startswith("digits ")] == [
        ["*", "full", "24", "0.1s", "2.4s", "to", "train"], ["full", "24", "0.1s", "2.4s", "to", "train"],
    ]  # fmt: skip
    assert max(map(len, lines[:4])) <= 80
    assert lines[-1] == (
        "* too long, disturbed: as the steps were timed, other processes used 1.0 cores and the GPU was throttled"
    )


def test_plan_gives_each_cause_of_disturbance_once():
    planned = [SimpleNamespace(estimate=Estimate(1.0, 2, busy(cores))) for cores in (0.9, 1.5, 1.2)]
    planned += [SimpleNamespace(estimate=Estimate(1.0, 2, QUIET)), SimpleNamespace(estimate=None)]
    assert plan_module._slowed_by(planned) == ("other processes used 1.5 cores",)


def test_plan_names_the_cases_whose_steps_failed(capsys):
    lines = printed(capsys, planned_case("resnet8", failure="out of memory"), planned_case("resnet14"))
    assert [line.split()[6:] for line in lines if line.startswith("digits ")] == [
        ["fails", "to", "train"], ["0.1s", "2.4s", "to", "train"],
    ]  # fmt: skip
    assert lines[-2:] == [
        "2 cases; about 1.0s of training left on cpu, without 1 case of unknown time",
        "fails: a training step failed as it was timed: digits resnet8 (out of memory)",
    ]


def test_plan_without_recorded_times_has_no_empty_column_for_them(capsys):
    assert not any("vs recorded" in line for line in printed(capsys, planned_case("resnet8")))


def test_plan_without_disturbed_times_has_no_word_about_them(capsys):
    assert not any("disturbed" in line for line in printed(capsys, planned_case("resnet8")))


@pytest.mark.slow
@needs_affinity
def test_plan_beside_a_busy_process_gives_the_causes_in_json(in_a_process, tmp_path):
    options = ("--full-training", "--seeds", "0", "--device", "cpu", "--results-dir", str(tmp_path / "r"))
    with pinned_beside_a_busy_process():
        ran = in_a_process("plan", "-k", "digits and resnet8-seed", "--json", *options)
    (case,) = checked_output("plan", ran.stdout)["cases"]
    assert case["disturbed_by"][0].startswith("other processes used ")
    assert "digits resnet8 disturbed (other processes used " in ran.stderr


@pytest.mark.release  # the files among arguments have quick tests in tests/plugin/test_collect.py
def test_plan_does_not_mistake_an_options_value_for_a_file(in_a_process, tmp_path):
    ran = in_a_process("plan", "-k", "digits", "--deselect", "bench/test_digits.py::test_digits[resnet32-seed0]")
    assert ran.returncode == 0, ran.stderr
    assert "4 cases; about" in ran.stdout
    assert "detect" not in ran.stdout  # a quick run measures nothing
    bench = tmp_path / "test_mine.py"
    bench.write_text(
        "import pytest\n@pytest.mark.experiment('digits', models=['resnet8'])\ndef test_mine(trained):\n    pass\n"
    )
    ran = in_a_process("plan", str(bench), "--rootdir", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert "1 case; about" in ran.stdout
