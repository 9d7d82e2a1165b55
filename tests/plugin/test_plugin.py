import contextlib
import importlib
import json
import signal
import sys
from types import SimpleNamespace

import pytest

from harness.plugin import hooks as plugin
from harness.plugin.hooks import RecordedClock
from harness.results.result import EpochRecord
from harness.text import duration
from tests.helpers import REPOSITORY

CONFTEST = 'pytest_plugins = ["harness.plugin"]'
BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=256)
@pytest.mark.experiment("digits", models=["resnet8", "resnet8-2"], recipe=RECIPE)
def test_digits(trained, epoch_records):
    assert trained.is_complete
    assert len(epoch_records) == trained.epochs
"""


@pytest.fixture
def bench(pytester):
    """A folder with a bench file; call it with pytest's arguments to run it there."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    return lambda *arguments: pytester.runpytest_inprocess(*arguments)


def results_in(pytester):
    return [json.loads(path.read_text()) for path in sorted(pytester.path.glob("results/*/result.json"))]


def test_a_mark_becomes_one_case_per_model_and_seed_with_names_that_select(bench):
    listing = bench("--collect-only", "-q", "--seeds", "0,3")
    listing.stdout.fnmatch_lines(
        [
            "test_digits.py::test_digits[[]resnet8-seed0[]]",
            "test_digits.py::test_digits[[]resnet8-seed3[]]",
            "test_digits.py::test_digits[[]resnet8-2-seed0[]]",
            "test_digits.py::test_digits[[]resnet8-2-seed3[]]",
        ]
    )
    bench("--collect-only", "-q", "-k", "digits and resnet8-seed0").stdout.fnmatch_lines(["1/2 tests collected*"])


def test_without_full_training_a_run_is_a_smoke_run_and_says_so(bench, pytester):
    run = bench()
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["*quick mode*measures nothing*", "digits*SMOKE*", "resnet8 *", "resnet8-2 *"])
    assert {result["mode"] for result in results_in(pytester)} == {"quick"}
    assert (pytester.path / "report/tables/digits-smoke.csv").exists()
    assert not (pytester.path / "report/tables/digits.csv").exists()


def test_a_run_ends_with_the_report_of_all_that_the_results_folder_holds(bench, pytester):
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(["digits · shortened (1 epoch): *", f"written: {pytester.path}/report/index.html"])
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-2")
    run.stdout.fnmatch_lines(["  Width*8-2*", "*One seed compares these trained networks*"])
    assert "8-2" in (pytester.path / "report/tables/digits-shortened-differences.csv").read_text()
    assert (pytester.path / "report/figures/digits-shortened-learning-curves.svg").exists()


def test_a_smoke_run_gives_no_answer(bench, pytester):
    run = bench("-k", "resnet8-seed0")
    run.stdout.no_fnmatch_line("digits: *")
    assert "Only smoke runs are here, and they measure nothing" in (pytester.path / "report/index.html").read_text()


def test_a_report_that_cannot_be_made_spoils_no_run(bench, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(importlib.import_module("harness.report.build"), "render_page", fail)
    run = bench("-k", "resnet8-seed0")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(["no report in *: RuntimeError: no ink; `python -m harness report` makes it anew"])


def test_full_training_trains_the_whole_recipe_and_tells_the_table(bench, pytester):
    run = bench("--full-training", "-k", "resnet8-seed0")
    run.assert_outcomes(passed=1, deselected=1)
    (result,) = results_in(pytester)
    assert (result["mode"], result["status"], result["epochs"], result["train_images"]) == ("full", "complete", 2, 1437)
    run.stdout.fnmatch_lines(["*wider or deeper*", "digits", "model*params*MACs*s/epoch*", "resnet8 *", "written: *"])
    assert "SMOKE" not in run.stdout.str()


def test_what_a_run_took_beside_training_is_told(bench):
    bench("--full-training", "-k", "resnet8-seed0").stdout.fnmatch_lines(
        ["*s of *s (*%) were neither loading, training nor evaluating, *s (*%) of it saving checkpoints"]
    )
    again = bench("--full-training", "-k", "resnet8-seed0")
    again.stdout.no_fnmatch_line("*neither loading*")  # nothing was trained


def test_the_reference_pipeline_trains_cases_of_its_own(bench, pytester):
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    bench("-k", "resnet8-seed0", "--pipeline", "reference").assert_outcomes(passed=1, deselected=1)
    assert sorted(result["case"]["pipeline"] for result in results_in(pytester)) == ["fast", "reference"]


MEASUREMENT = """
import pytest
@pytest.mark.measurement
def test_speed_of_augmentation(workbench):
    assert workbench.compare_augmentation("digits").ratio > 0
def test_other():
    pass
"""


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ((), 1),
        (("-k", "not other"), 0),
        (("-k", "speed"), 2),
        (("test_speed.py",), 2),
        (("-k", "Speed"), 2),
        (("-m", "measurement"), 1),
    ],
)
def test_a_measurement_runs_only_where_the_command_line_names_it(arguments, passed, pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT.replace('workbench.compare_augmentation("digits").ratio', "1"))
    run = pytester.runpytest_inprocess(*arguments)
    run.assert_outcomes(passed=passed, deselected=2 - passed)


def test_what_is_measured_is_told_kept_and_reported(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT)
    run = pytester.runpytest_inprocess("-k", "speed")
    run.stdout.fnmatch_lines(
        ["*test_speed_of_augmentation: augm*", "*throughput*", "augmentation alone*", "digits*1×8×8*", "written:*"]
    )
    assert (pytester.path / "results/throughput/augmentation-1x8x8-cpu.json").exists()
    assert "digits" in (pytester.path / "report/tables/throughput-augmentation.csv").read_text()


def test_a_device_that_is_not_there_fails_a_measurement_in_a_line(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_speed=MEASUREMENT)
    run = pytester.runpytest_inprocess("-k", "speed", "--device", "abacus")
    run.assert_outcomes(errors=1, passed=1)
    run.stdout.fnmatch_lines(["*unknown device 'abacus'*"])
    run.stdout.no_fnmatch_line("*InputError*")
    run.stdout.no_fnmatch_line("*another exception*")
    run.stdout.no_fnmatch_line("*Traceback*")


def test_epochs_shorten_a_run_and_its_rows_stand_apart(bench, pytester):
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(["digits*SHORTENED*"])
    assert [result["mode"] for result in results_in(pytester)] == ["shortened"]
    assert (pytester.path / "report/tables/digits-shortened.md").exists()


def test_the_recorded_rounds_are_the_epochs_seconds_exactly(bench, pytester, monkeypatch):
    seconds = iter([0.1, 0.2, 0.3, 0.7])  # (0.1 + 0.2) − 0.1 is not 0.2
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch.total", lambda _: next(seconds))
    bench("--benchmark-json", "benchmark.json").assert_outcomes(passed=2)
    saved = json.loads((pytester.path / "benchmark.json").read_text())
    recorded = {result["model"]: result for result in results_in(pytester)}
    assert len(saved["benchmarks"]) == 2
    for benchmark in saved["benchmarks"]:
        result = recorded[benchmark["params"]["model"]]
        assert benchmark["stats"]["data"] == result["epoch_seconds"]
        assert benchmark["stats"]["rounds"] == result["epochs"]
        assert benchmark["group"] == "digits"
        for measure in ("accuracy_percent", "macro_f1_percent", "params", "macs", "total_seconds", "marginal_gain"):
            assert benchmark["extra_info"][measure] == result[measure]
    assert saved["machine_info"]["wider_or_deeper"]["device"] == "cpu"


def test_a_benchmark_mark_of_the_users_keeps_its_options_and_the_recorded_rounds(bench, pytester):
    marked = BENCH.replace("def test_digits", "@pytest.mark.benchmark(group='mine')\ndef test_digits")
    pytester.makepyfile(test_digits=marked)
    bench("--benchmark-json", "benchmark.json", "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    (benchmark,) = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert benchmark["group"] == "mine"
    assert benchmark["stats"]["data"] == results_in(pytester)[0]["epoch_seconds"]


@pytest.mark.parametrize("option", ["--benchmark-disable", "--benchmark-only", "--benchmark-cprofile=tottime"])
def test_all_epochs_are_trained_whatever_pytest_benchmark_is_told(option, bench, pytester):
    bench(option, "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    assert [result["epochs"] for result in results_in(pytester)] == [2]


def test_benchmark_skip_skips_the_cases(bench):
    bench("--benchmark-skip").assert_outcomes(skipped=2)


def test_a_finished_case_is_shown_again_but_not_trained_again_unless_asked(bench, pytester):
    bench("-k", "resnet8-seed0")
    (first,) = results_in(pytester)
    again = bench("-k", "resnet8-seed0", "--benchmark-json", "again.json")
    again.stdout.fnmatch_lines(["resnet8 *"])
    assert results_in(pytester) == [first]
    saved = json.loads((pytester.path / "again.json").read_text())
    assert saved["benchmarks"][0]["stats"]["data"] == first["epoch_seconds"]
    bench("-k", "resnet8-seed0", "--rerun")
    assert results_in(pytester)[0]["epoch_seconds"] != first["epoch_seconds"]


def test_progress_with_time_left_is_seen_without_s(bench, pytester):
    pytester.makeconftest(CONFTEST + "\nimport harness.plugin.progress\nharness.plugin.progress._LINE_SECONDS = 0.0")
    run = pytester.runpytest_subprocess("-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(["*1/1 digits resnet8 seed 0 · epoch 1/2 *", "*epoch 2/2*/epoch · * left*"])


def test_a_diverged_case_fails_is_shown_and_not_saved_as_a_good_benchmark(bench, pytester):
    pytester.makepyfile(test_digits=BENCH.replace("batch_size=256", "learning_rate=1e30"))
    run = bench("--full-training", "-k", "resnet8-seed0", "--benchmark-json", "benchmark.json")
    run.assert_outcomes(failed=1, deselected=1)
    run.stdout.fnmatch_lines(["resnet8 !*", "*resnet8 seed 0: diverged (the loss is no longer a number)"])
    assert json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"] == []


def test_a_case_that_raises_does_not_keep_the_next_from_running(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    step = FastTrainer.step

    def fail_for_the_first(self, batch, labels):
        if self.case.model == "resnet8":
            raise RuntimeError("the GPU fell out")
        return step(self, batch, labels)

    monkeypatch.setattr(FastTrainer, "step", fail_for_the_first)
    run = bench()
    run.assert_outcomes(errors=1, passed=1)
    run.stdout.fnmatch_lines(["resnet8 ! *", "*resnet8 seed 0: failed (RuntimeError: the GPU fell out)"])
    assert {result["model"]: result["status"] for result in results_in(pytester)} == {
        "resnet8": "failed",
        "resnet8-2": "complete",
    }


def test_a_damaged_result_is_named_on_the_terminal_and_in_the_summary(bench, pytester):
    bench("-k", "resnet8-2-seed0").assert_outcomes(passed=1, deselected=1)
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    for path in pytester.path.glob("results/*/result.json"):
        path.write_text(path.read_text().replace('"params": ', '"params": 1'))
    run = bench("-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(
        [
            "*1/1 digits resnet8 seed 0: */result.json is not a result of this harness: its content is not *",
            "it is quarantined as [*].refused, and the case is trained again",
            "left out: *digits-resnet8-2-seed0-quick-*/result.json is not a result of this harness*",
        ]
    )


def test_a_case_that_goes_on_says_so_and_the_run_what_it_took_itself(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    train_epoch = FastTrainer.train_epoch

    def stop_in_the_second(self, images, epoch, *arguments):
        if epoch == 1:
            raise KeyboardInterrupt
        return train_epoch(self, images, epoch, *arguments)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(FastTrainer, "train_epoch", stop_in_the_second)
        run = pytester.runpytest_inprocess("--full-training", "-k", "resnet8-seed0", no_reraise_ctrlc=True)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(
        [
            "interrupted: digits resnet8 seed 0, 1 of 2 epochs done",
            "not finished: digits-resnet8-seed0-full-*, 1 epoch *",
        ]
    )
    run = bench("--full-training", "-k", "resnet8-seed0", "--benchmark-json", "benchmark.json")
    run.assert_outcomes(passed=1, deselected=1)
    run.stdout.fnmatch_lines(
        [
            "1/1 digits resnet8 seed 0: going on after epoch 1 of 2",
            "*resnet8 seed 0: interrupted after epoch 1, and resumed",
        ]
    )
    (benchmark,) = json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"]
    assert benchmark["stats"]["rounds"] == 2
    assert benchmark["extra_info"]["interrupted_after"] == [1]
    assert benchmark["extra_info"]["changes_between_attempts"] == []
    run.stdout.no_fnmatch_line("*were finished already*")  # it was begun before, and finished now


def test_the_overhead_is_that_of_the_epochs_trained_in_this_run(monkeypatch):
    records = [EpochRecord(epoch, 0.1, 2.0, 30.0, 1.9, 33.0, 1.0, 8.0, 1.0, 1.0, 10.0) for epoch in (3,)]
    settings = SimpleNamespace(full_training=True)
    trained = plugin._Trained(records, compile_seconds=2.0)
    config = SimpleNamespace(stash={plugin._TRAINED: trained, plugin._BEGAN: 0.0, plugin.SETTINGS: settings})
    monkeypatch.setattr(plugin, "time", SimpleNamespace(perf_counter=lambda: 100.0))
    assert plugin._overhead(config) == (
        f"{duration(88)} of {duration(100)} (88.0%) were neither loading, training nor evaluating, "
        f"{duration(1)} (1.0%) of it saving checkpoints; compiling took {duration(2)} more"
    )


def test_the_epochs_of_a_case_that_was_interrupted_or_failed_are_no_overhead(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    told, train_epoch = [], FastTrainer.train_epoch

    def fail_in_the_second(self, images, epoch, *arguments):
        if epoch == 1:
            raise RuntimeError("the GPU fell out")
        return train_epoch(self, images, epoch, *arguments)

    def overhead(config):
        told.append(len(config.stash[plugin._TRAINED].records))

    monkeypatch.setattr(FastTrainer, "train_epoch", fail_in_the_second)
    monkeypatch.setattr(plugin, "_overhead", overhead)
    bench("--full-training").assert_outcomes(errors=2)
    assert told == [2]


def test_a_case_without_an_epoch_does_not_keep_the_tables_from_being_told(bench, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    def fail(*_):
        raise MemoryError("no")

    monkeypatch.setattr(FastTrainer, "__init__", fail)
    run = bench("--full-training")
    run.assert_outcomes(failed=2)
    run.stdout.fnmatch_lines(["resnet8 ! *", "*resnet8 seed 0: out_of_memory (no; lower the recipe's batch_size *"])


def test_a_signal_whose_exception_was_lost_stops_the_run_all_the_same(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    train_epoch, signals = FastTrainer.train_epoch, [signal.SIGTERM]

    def lose_a_signal(*arguments):
        with contextlib.suppress(KeyboardInterrupt, IndexError):
            signal.raise_signal(signals.pop())
        return train_epoch(*arguments)

    monkeypatch.setattr(FastTrainer, "train_epoch", lose_a_signal)
    run = pytester.runpytest_inprocess("--full-training", no_reraise_ctrlc=True)
    assert run.ret == pytest.ExitCode.INTERRUPTED
    run.stdout.fnmatch_lines(["interrupted: digits resnet8 seed 0, 0 of 2 epochs done"])


def test_the_users_own_images_need_less_than_ten_lines(pytester):
    from PIL import Image

    for split in ("train", "test"):
        for grey, name in enumerate(("dark", "light")):
            folder = pytester.path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (40 + number, 30), (200 * grey,) * 3).save(folder / f"{number}.png")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.experiment("folder:{pytester.path}/photos", models=["resnet8", "resnet24"])
        def test_photos(trained):
            assert trained.is_complete
        """
    )
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(passed=2)
    tables = list((pytester.path / "report/tables").glob("folder-photos-*-smoke.csv"))
    assert len(tables) == 2  # by the two recipes, which are two studies
    assert {len(result["confusion"]) for result in results_in(pytester)} == {2}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--epochs", "0", "--full-training"], "--epochs '0': give a whole number, 1 or more"),
        (["--epochs", "3"], "--epochs 3 needs --full-training*"),
        (["--seeds", "one"], "--seeds 'one': give whole numbers separated by commas, e.g. 0,1,2"),
        (["--device", "cuda:99"], "device 'cuda:99' not found: this machine has *"),
        (["--device", "tpu"], "unknown device 'tpu': give auto, cpu, cuda, cuda:N or mps"),
        (["--precision", "fp8"], "unknown precision 'fp8': give one of auto, fp32, tf32, bf16"),
        (["--precision", "tf32", "--device", "cpu"], "precision 'tf32' is not supported on cpu*"),
        (["--data-dir", "/no/such/folder"], "--data-dir /no/such/folder does not exist*"),
        (["--results-dir", "/dev/null/x"], "--results-dir /dev/null/x cannot be written to*"),
        (["--val-split", "1"], "--val-split '1': give a share*"),
    ],
)
def test_a_wrong_option_is_a_usage_error_before_anything_is_trained(arguments, says, bench, pytester):
    run = bench(*arguments)
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"ERROR: {says}"])
    assert len(run.stderr.str().strip().splitlines()) <= 2
    assert results_in(pytester) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"resnet8-2"', '"resnet21"', "*unknown model 'resnet21': no family has depth 21*"),
        ('"resnet8-2"', '"resnet20-0"', "*unknown model 'resnet20-0': the width coefficient must be 1 or more*"),
        ('["resnet8", "resnet8-2"]', '"resnet8"', "*models is 'resnet8': give a list of different names*"),
        ('["resnet8", "resnet8-2"]', "[]", "*models is []: give a list of different names*"),
        ('["resnet8", "resnet8-2"]', '["resnet8", "resnet8"]', "*give a list of different names*"),
        ('"digits"', "7", "*dataset is 7: give one name*"),
        ("trained, epoch_records", "", "*a test marked experiment takes the fixture `trained`*"),
        ('"digits"', '"svhn"', "*unknown dataset 'svhn': the datasets are cifar10, *folder:PATH"),
        ('"digits"', '"folder:/no/such"', "*folder /no/such does not exist*"),
        ('models=["resnet8", "resnet8-2"], ', "", "*missing*argument: 'models'*"),
        ("recipe=RECIPE", 'recipe="fast"', "*recipe 'fast' is not a Recipe*"),
        ('"digits"', '"cifar10"', "recipe 'digits' is for images of 1 channels, cifar10 has 3*"),
    ],
)
def test_a_wrong_mark_is_a_usage_error_that_names_what_would_be_right(old, new, says, bench, pytester, monkeypatch):
    monkeypatch.setenv("WIDER_OR_DEEPER_DATA_DIR", str(pytester.path))
    pytester.makepyfile(test_digits=BENCH.replace(old, new))
    run = bench()
    assert run.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERRUPTED)
    (run.stderr if run.stderr.lines else run.stdout).fnmatch_lines([f"*{says}"])
    assert results_in(pytester) == []


def test_an_absent_dataset_without_network_says_which_file_to_put_where(bench, pytester, monkeypatch):
    from harness.data.formats import cifar10

    monkeypatch.setattr(cifar10, "ARCHIVE_URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    monkeypatch.setenv("WIDER_OR_DEEPER_DATA_DIR", str(pytester.path))
    pytester.makepyfile(test_digits=BENCH.replace('"digits"', '"cifar10"').replace("recipe=RECIPE", ""))
    run = bench("--full-training")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        [
            "ERROR: dataset cifar10 is not in *, and could not download http://127.0.0.1:9/cifar-10-python.tar.gz*refused*",
            "put that file into *cifar10, or name another folder with --data-dir",
        ]
    )


def test_without_pytest_benchmark_it_is_asked_for(bench):
    run = bench("-p", "no:benchmark")
    (run.stderr if run.stderr.lines else run.stdout).fnmatch_lines(["*experiments need pytest-benchmark*"])


def test_a_second_session_says_how_many_cases_were_finished(bench, monkeypatch):
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    monkeypatch.setattr("harness.plugin.hooks._now", lambda: "2999-01-01T00:00:00+00:00")
    bench().stdout.fnmatch_lines(["2 of 2 cases were finished already; --rerun trains them again"])


def test_two_folders_of_one_name_have_tables_of_their_own(pytester):
    from PIL import Image

    for place in ("a", "b"):
        for split in ("train", "test"):
            for grey, name in enumerate(("dark", "light")):
                folder = pytester.path / place / "photos" / split / name
                folder.mkdir(parents=True)
                for number in range(2):
                    Image.new("RGB", (32, 32), (100 * grey + ord(place),) * 3).save(folder / f"{number}.png")
    pytester.makeconftest(CONFTEST)
    body = "\n@pytest.mark.experiment('folder:{0}/{1}/photos', models=['resnet8'])\ndef test_{1}(trained): pass\n"
    pytester.makepyfile("import pytest" + "".join(body.format(pytester.path, place) for place in "ab"))
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
    assert len(list((pytester.path / "report/tables").glob("folder-photos-*-smoke.csv"))) == 2


def test_help_teaches_every_option_its_variable_and_its_ini_key(bench):
    text = " ".join(bench("--help").stdout.str().split())
    for name in ("full-training", "epochs", "seeds", "data-dir", "results-dir", "report-dir", "device", "precision"):
        assert f"--{name}" in text
    assert "WIDER_OR_DEEPER_DATA_DIR" in text
    assert "ini key data_dir" in text


@pytest.mark.parametrize("key", ["report_dir", "report-dir"])
def test_an_option_can_stand_in_the_ini_file(key, bench, pytester):
    pytester.makeini(f"[pytest]\n{key} = elsewhere\nseeds = 4")
    bench("-k", "resnet8-seed4").assert_outcomes(passed=1, deselected=1)
    assert (pytester.path / "elsewhere/tables/digits-smoke.csv").exists()


def test_a_test_that_asks_for_trained_without_the_mark_is_told_of_it(bench, pytester):
    pytester.makepyfile(test_digits="def test_it(trained):\n    pass")
    run = bench()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*mark the test: @pytest.mark.experiment(dataset, models, recipe=None)*"])


def test_collecting_does_not_import_torch(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_digits=BENCH + "\ndef test_no_torch():\n    import sys\n    assert 'torch' not in sys.modules"
    )
    pytester.runpytest_subprocess("-k", "no_torch").assert_outcomes(passed=1, deselected=2)


def test_the_clock_gives_seconds_back_exactly_and_stands_when_all_are_played():
    clock = RecordedClock()
    clock.load((0.1, 0.2, 1e9 + 0.1))  # (0.1 + 0.2) − 0.1 is not 0.2
    readings = []
    for _ in range(4):
        clock.rewind()
        start = clock()
        clock.play_epoch()
        readings.append(clock() - start)
    assert readings == [0.1, 0.2, 1e9 + 0.1, 0.0]


def test_collecting_the_whole_bench_imports_no_torch():
    import subprocess
    import sys

    code = "import pytest, sys; pytest.main(['bench', '--collect-only', '-q']); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "tests collected" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"


def test_without_ray_its_engine_says_what_to_install(bench, monkeypatch):
    for name in [
        name for name in sys.modules if name.split(".")[0] == "ray" or name.startswith("harness.study.engines.")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    run = bench("--engine", "ray")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --engine ray needs Ray: pip install 'wider-or-deeper[[]ray[]]'"])


def test_ray_is_imported_by_no_other_engine(bench, pytester):
    bench()
    pytester.makepyfile(test_modules="import sys\ndef test_modules():\n    assert 'ray' not in sys.modules")
    pytester.runpytest_subprocess("-k", "resnet8-seed0 or modules").assert_outcomes(passed=2)
