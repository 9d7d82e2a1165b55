import importlib
import re
from types import SimpleNamespace

from harness.plugin.summary import overhead_line, print_wrapped
from harness.results.result import EpochRecord
from harness.text import duration


def test_a_run_ends_with_the_report_of_the_results_folder(bench, pytester):
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-seed0")
    answer = ["digits · shortened (1 epoch): 1 model, 1 seed, 1,437 test images", "  No answer: no wider and deeper *"]
    run.stdout.fnmatch_lines([*answer, "", f"written: {pytester.path}/report/index.html"])
    run = bench("--full-training", "--epochs", "1", "-k", "resnet8-2")
    run.stdout.fnmatch_lines(["digits · shortened (1 epoch): 2 models, 1 seed, 1,437 test images", "  No answer: *"])
    assert "resnet8-2" in (pytester.path / "report/tables/digits-shortened.csv").read_text()
    assert (pytester.path / "report/figures/digits-shortened-learning-curves.svg").exists()


def test_a_smoke_run_gives_no_answer(bench, pytester):
    run = bench("-k", "resnet8-seed0")
    run.stdout.no_fnmatch_line("*: 1 model, *")
    assert "Only smoke runs are here, and they measure nothing" in (pytester.path / "report/index.html").read_text()


def test_a_failing_report_does_not_fail_the_run(bench, monkeypatch):
    def fail(*_):
        raise RuntimeError("no ink")

    monkeypatch.setattr(importlib.import_module("harness.report.build"), "render_page", fail)
    run = bench("-k", "resnet8-seed0")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines(["no report in *: RuntimeError: no ink; run `python -m harness report` to write it"])


def test_the_overhead_of_a_run_is_printed(bench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    run = bench("--full-training", "-k", "resnet8-seed0")
    words = " ".join(run.stdout.str().split())
    assert re.search(
        r"s of \S+s \(.*%\) were neither loading, training nor evaluating, \S+s \(.*%\) of it saving checkpoints", words
    )
    (start,) = (place for place, line in enumerate(run.outlines) if "= wider or deeper =" in line)
    assert max(len(line) for line in run.outlines[start:] if "/" not in line) <= 80
    again = bench("--full-training", "-k", "resnet8-seed0")
    again.stdout.no_fnmatch_line("*neither loading*")  # nothing was trained


def test_the_overhead_counts_the_epochs_of_this_run_only():
    record = EpochRecord(3, 0.1, 2.0, 30.0, 1.9, 33.0, 1.0, 8.0, 1.0, 1.0, 10.0)
    session = SimpleNamespace(
        settings=SimpleNamespace(full_training=True), trained_records=[record], compile_seconds=2.0
    )
    assert overhead_line(session, wall_seconds=100.0) == (
        f"{duration(88)} of {duration(100)} (88.0%) were neither loading, training nor evaluating, "
        f"{duration(1)} (1.0%) of it saving checkpoints; compiling took {duration(2)} more"
    )


def test_the_epochs_of_a_failed_case_are_not_overhead(bench, pytester, monkeypatch):
    from harness.training.trainers.fast import FastTrainer

    counts, train_epoch = [], FastTrainer.train_epoch

    def fail_in_the_second(self, images, epoch, *arguments):
        if epoch == 1:
            raise RuntimeError("the GPU fell out")
        return train_epoch(self, images, epoch, *arguments)

    def count_epochs(session, _):
        counts.append(len(session.trained_records))

    monkeypatch.setattr(FastTrainer, "train_epoch", fail_in_the_second)
    monkeypatch.setattr("harness.plugin.summary.overhead_line", count_epochs)
    bench("--full-training").assert_outcomes(errors=2)
    assert counts == [2]


def test_summary_lines_do_not_cut_names_and_options():
    lines = []
    reporter = SimpleNamespace(_tw=SimpleNamespace(fullwidth=40), write_line=lines.append)
    print_wrapped(reporter, ["mlflow: 6 cases in experiment wider-or-deeper; give --accept-other-code"])
    assert lines == ["mlflow: 6 cases in experiment\n  wider-or-deeper; give\n  --accept-other-code"]


def test_summary_lines_have_no_escape_and_no_password():
    lines = []
    reporter = SimpleNamespace(_tw=SimpleNamespace(fullwidth=80), write_line=lines.append)
    print_wrapped(reporter, ["mlflow: http://me:pw@host, run \x1b[31mred\nnext"])
    assert lines == [r"mlflow: http://me:***@host, run \x1b[31mred\nnext"]
