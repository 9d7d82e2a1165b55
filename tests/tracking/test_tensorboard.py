import pytest
from PIL import Image

pytest.importorskip("tensorboard", reason="needs TensorBoard: python -m pip install -e '.[tensorboard]'")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from harness.tracking.follower import Follower
from harness.tracking.tensorboard import TensorBoardTracker
from harness.tracking.tracker import ReportFiles
from tests.tracking.growing import GrowingCase


@pytest.fixture
def case(results):
    case = GrowingCase(results)
    case.begin()
    return case


def follow(case, report=None):
    """Log what is new of a case, in a session of its own."""
    root = case.results.root
    Follower("tensorboard", lambda: TensorBoardTracker(root), [case.followed()], print).end(report)


def read_runs(case):
    """Return the event files' content by run, as TensorBoard reads it."""
    folders = sorted((case.results.root / "tensorboard").iterdir())
    return {folder.name: EventAccumulator(str(folder)).Reload() for folder in folders}


def text(run, tag):
    return run.Tensors(tag)[-1].tensor_proto.string_val[0].decode()


def test_epochs_and_final_measures_are_scalars(case):
    case.train(6)
    result = case.end()
    follow(case)
    (run,) = read_runs(case).values()
    losses = run.Scalars("epoch/train_loss")
    assert [(event.step, event.value) for event in losses] == [(epoch, 1.0) for epoch in range(1, 7)]
    assert [event.value for event in run.Scalars("epoch/evaluation_accuracy_percent")] == [61, 62, 63, 64, 65, 66]
    (accuracy,) = run.Scalars("final/accuracy_percent")
    assert (accuracy.step, accuracy.value) == (6, pytest.approx(result.accuracy_percent))


def test_a_resumed_training_is_one_run_with_each_step_once(case):
    for after in (None, 1, 3):  # the second time, the last checkpoint is one epoch behind the records
        case.resume(after)
        case.train(2)
        follow(case)
    case.end()
    follow(case)
    (run,) = read_runs(case).values()
    assert [event.step for event in run.Scalars("epoch/epoch_seconds")] == [1, 2, 3, 4, 5]
    assert len(run.Scalars("final/accuracy_percent")) == 1


def test_a_rerun_is_a_second_run(case):
    for _ in range(2):
        case.begin()
        case.train(1)
        follow(case)
    assert all(name.startswith(case.case.folder_name) for name in read_runs(case))
    assert len(read_runs(case)) == 2


def test_a_finished_case_gets_no_further_event_file(case):
    case.train(1)
    case.end()
    follow(case)
    files = sorted(case.results.root.rglob("events.out.tfevents.*"))
    follow(case)
    assert sorted(case.results.root.rglob("events.out.tfevents.*")) == files


def test_parameters_are_hyperparameters_and_the_outcome_is_text(case):
    case.train(1, loss=float("nan"))
    case.end("diverged")
    follow(case)
    (run,) = read_runs(case).values()
    metadata = run.SummaryMetadata("_hparams_/session_start_info")
    given = HParamsPluginData.FromString(metadata.plugin_data.content).session_start_info.hparams
    assert given["model"].string_value == "resnet8"
    assert given["recipe.epochs"].number_value == 6
    assert "| status | diverged |" in text(run, "outcome")
    assert '"status": "diverged"' in text(run, "result.json")
    assert run.Tags()["scalars"].count("final/accuracy_percent") == 0


def test_the_reports_tables_and_figures_are_one_run(case, tmp_path):
    case.train(1)
    table, figure = tmp_path / "runs.md", tmp_path / "cost.png"
    table.write_text("| model |\n|---|\n| resnet8 |")
    Image.new("RGB", (30, 20)).save(figure)
    for _ in range(2):
        follow(case, ReportFiles(tmp_path / "index.html", [table, tmp_path / "runs.csv"], [figure]))
        case.train(1)
    report = read_runs(case)["report"]
    assert "resnet8" in text(report, "tables/runs")
    (image,) = report.Images("figures/cost")
    assert (image.width, image.height) == (30, 20)


def test_event_files_behind_a_link_are_not_removed(case, tmp_path):
    other = tmp_path / "other/events.out.tfevents.1"
    other.parent.mkdir()
    other.write_text("precious")
    folder = case.results.root / "tensorboard"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report").symlink_to(other.parent)
    TensorBoardTracker(case.results.root).log_report(ReportFiles(tmp_path / "index.html", [], []))
    assert [path.read_text() for path in other.parent.iterdir()] == ["precious"]


def test_event_files_are_no_results(case):
    case.train(1)
    case.end()
    follow(case)
    results, problems = case.results.read_all()
    assert (len(results), problems, case.results.unfinished()) == (1, [], ([], []))
