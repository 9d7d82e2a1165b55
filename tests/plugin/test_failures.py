import json

from tests.plugin.benches import BENCH, results_in


def test_a_diverged_case_is_shown_and_not_saved_as_a_benchmark(bench, pytester):
    pytester.makepyfile(test_digits=BENCH.replace("batch_size=256", "learning_rate=1e30"))
    run = bench("--full-training", "-k", "resnet8-seed0", "--benchmark-json", "benchmark.json")
    run.assert_outcomes(failed=1, deselected=1)
    run.stdout.fnmatch_lines(["resnet8 !*", "*resnet8 seed 0: diverged (the loss is no longer a number)"])
    assert json.loads((pytester.path / "benchmark.json").read_text())["benchmarks"] == []


def test_a_case_that_raises_does_not_stop_the_next(bench, pytester, monkeypatch):
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


def test_cause_in_a_loader_process_is_in_table_result_and_summary(bench, pytester, monkeypatch):
    from harness.training.trainers.reference import Samples

    def fail(*_):
        raise RuntimeError("unable to write to file </torch_1_2_0>: No space left on device (28)")

    monkeypatch.setattr(Samples, "__getitem__", fail)
    run = bench("-k", "resnet8-seed0", "--pipeline", "reference")
    run.assert_outcomes(errors=1, deselected=1)
    cause = "RuntimeError: unable to write to file </torch_1_2_0>: No space left on device (28)"
    assert results_in(pytester)[0]["cause"].startswith(f"{cause}; the shared memory is full")
    assert f"resnet8 seed 0: failed ({cause};" in " ".join(run.stdout.str().split())
    run.stdout.fnmatch_lines(["E *--shm-size*", "ERROR test_digits.py::* - RuntimeError: unable to wr*"])


def test_a_damaged_result_is_named_on_terminal_and_in_summary(bench, pytester):
    bench("-k", "resnet8-2-seed0").assert_outcomes(passed=1, deselected=1)
    bench("-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    for path in pytester.path.glob("results/*/result.json"):
        path.write_text(path.read_text().replace('"params": ', '"params": 1'))
    run = bench("-k", "resnet8-seed0")
    run.stdout.fnmatch_lines(
        [
            "*1/1 digits resnet8 seed 0: */result.json is not a result of this harness: its content does not match *",
            "it is quarantined as [*].refused, and the case is trained again",
            "left out: *digits-resnet8-2-seed0-quick-*/result.json is not a result of this harness*",
        ]
    )


def test_a_case_without_an_epoch_has_a_row_in_the_table(bench, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    def fail(*_):
        raise MemoryError("no")

    monkeypatch.setattr(FastTrainer, "__init__", fail)
    run = bench("--full-training")
    run.assert_outcomes(failed=2)
    run.stdout.fnmatch_lines(["resnet8 ! *", "*resnet8 seed 0: out_of_memory (no; lower the recipe's batch_size *"])
