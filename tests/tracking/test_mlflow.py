from dataclasses import replace

import pytest

pytest.importorskip("mlflow", reason="needs MLflow: python -m pip install -e '.[mlflow]'")

from mlflow.tracking import MlflowClient

from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.config.settings import read_settings
from harness.config.variant import Variant
from harness.study.study import Study
from harness.tracking.followed import FollowedCase, read_training
from harness.tracking.follower import Follower
from harness.tracking.mlflow import EXPERIMENT, MLflowTracker
from harness.tracking.session import TrackingSession
from harness.tracking.tracker import ReportFiles
from tests.plugin.benches import BENCH, CONFTEST, results_in
from tests.tracking.growing import GrowingCase
from tests.tracking.mlflow_server import MLflowServer
from tests.tracking.waiting import wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MLflowServer(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(autouse=True)
def client(server, monkeypatch):
    """A client that reads what the server has; the tracker's process finds the server as a user's would."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    return MlflowClient(server.uri)


@pytest.fixture
def case(results, request):
    case = GrowingCase(results, seed=len(request.node.name))  # the server keeps all tests' runs
    case.begin()
    return case


def follower(case):
    """A session's follower, in this process."""
    return Follower("mlflow", lambda: MLflowTracker(case.results.root), [case.followed()], print)


def runs_of(client, filter_string):
    experiment = client.get_experiment_by_name(EXPERIMENT)
    return [] if experiment is None else client.search_runs([experiment.experiment_id], filter_string)


def runs_of_case(client, case):
    return runs_of(client, f"params.identity = '{case.case.identity}'")


def steps(client, run, metric="epoch_seconds"):
    return [entry.step for entry in client.get_metric_history(run.info.run_id, metric)]


def artifacts(client, run, folder=None):
    return sorted(entry.path for entry in client.list_artifacts(run.info.run_id, folder))


@pytest.mark.slow
def test_a_server_killed_during_training_loses_nothing_and_stops_nothing(server, client, case, tmp_path):
    page, table = tmp_path / "index.html", tmp_path / "runs.csv"
    page.write_text("the page")
    table.write_text("model\n")
    case.results.root.mkdir(exist_ok=True)
    tracking = TrackingSession(["mlflow"], case.results.root)
    tracking.start()
    tracking.follow([case.followed()])
    case.train(2)
    wait_until(lambda: [steps(client, run) for run in runs_of_case(client, case)] == [[1, 2]])
    server.kill()
    case.train(2)
    lines = []
    wait_until(lambda: lines.extend(tracking.notices()) or lines)
    case.train(2)
    result = case.end()
    server.start()
    lines += tracking.end(ReportFiles(page, [table], []))
    assert lines[0].startswith("mlflow: does not log now (")
    assert lines[0].endswith("training continues, and logging is retried")
    assert lines[1:] == [
        "mlflow: logs again, and has what it missed",
        f"mlflow: 1 case logged in {server.uri}, experiment {EXPERIMENT}",
    ]
    (run,) = runs_of_case(client, case)
    assert steps(client, run) == [1, 2, 3, 4, 5, 6]
    assert run.info.status == "FINISHED"
    assert run.data.metrics["accuracy_percent"] == pytest.approx(result.accuracy_percent)
    assert artifacts(client, run) == ["epochs.jsonl", "result.json"]
    report, *_ = runs_of(client, "tags.`wider_or_deeper.kind` = 'report'")
    assert artifacts(client, report) == ["index.html", "tables"]
    assert artifacts(client, report, "tables") == ["tables/runs.csv"]


def test_a_trial_has_a_name_and_a_tag_of_its_own(client, case):
    case.train(1)
    trial = Variant(learning_rate=0.02, val_split=0.2)
    followed = FollowedCase.of(case.case, case.results, from_scratch=False, variant=trial)
    Follower("mlflow", lambda: MLflowTracker(case.results.root), [followed], print).end(None)
    (run,) = runs_of_case(client, case)
    assert run.info.run_name == f"{case.case.label} (trial, learning rate 0.02)"
    assert run.data.tags["trial"] == "true"


@pytest.mark.slow
def test_an_interrupted_training_is_one_run_and_a_rerun_another(client, case):
    case.train(3)
    follower(case).end(None)
    (run,) = runs_of_case(client, case)
    assert run.info.status == "KILLED"
    second = follower(case)
    case.resume(after=2)  # killed before the checkpoint after epoch 3
    case.train(2)
    second.update()
    assert runs_of_case(client, case)[0].info.status == "RUNNING"
    case.end("diverged")
    second.end(None)
    (again,) = runs_of_case(client, case)
    assert again.info.run_id == run.info.run_id
    assert (again.info.status, again.data.tags["status"]) == ("FAILED", "diverged")
    assert steps(client, again) == [1, 2, 3, 4]
    case.begin()
    case.train(1)
    follower(case).end(None)
    keys = {run.data.tags["wider_or_deeper.training"] for run in runs_of_case(client, case)}
    assert len(keys) == 2
    assert read_training(case.followed()).key in keys


def weights_in(folder):
    (path,) = folder.glob("*/weights.safetensors")
    return path.read_bytes()


def train_untracked(folder):
    """Train the bench file's case in this process; return its weights."""
    given = {"full_training": True, "results_dir": str(folder), "report_dir": str(folder / "report"), "device": "cpu"}
    study = Study(read_settings(given))
    recipe = replace(DIGITS, epochs=2, milestones=(1,), batch_size=256)
    experiment = plan_experiment(study.settings, "digits", "resnet8", 0, recipe)
    study.prepare([experiment])
    study.train(experiment)
    return weights_in(folder)


@pytest.mark.slow
def test_a_tracked_session_has_every_case_and_bit_identical_weights(client, pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    arguments = ("--full-training", "-k", "resnet8-seed", "--track", "mlflow,tensorboard")
    tracked = pytester.runpytest_inprocess(*arguments)
    tracked.assert_outcomes(passed=1)
    places = {"mlflow": client.tracking_uri, "tensorboard": "results/tensorboard: view with"}
    tracked.stdout.fnmatch_lines([f"{name}: 1 case logged in {place}*" for name, place in places.items()])
    assert weights_in(pytester.path / "results") == train_untracked(pytester.path / "untracked")
    (result,) = results_in(pytester)
    (run,) = runs_of(client, f"tags.finished_at = '{result['finished_at']}'")
    assert (run.info.run_name, steps(client, run)) == ("digits resnet8 seed 0", [1, 2])
    assert run.data.metrics["macro_f1_percent"] == pytest.approx(result["macro_f1_percent"])
    assert run.data.params["params"] == str(result["params"])
    assert len(list(pytester.path.glob("results/tensorboard/*/events.out.tfevents.*"))) == 2  # one is the report
