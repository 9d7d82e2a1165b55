import os
from types import SimpleNamespace

import psutil

from harness.results.reading import read_epoch_records
from harness.training.train import train
from tests.helpers.busy import busy_processes, needs_affinity, on_one_core
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.tiny import CPU, make_case, make_dataset
from tests.helpers.training import interrupt, train_recorded


@needs_affinity
def test_training_beside_a_busy_process_is_recorded_as_disturbed(results):
    dataset = make_dataset(train_images=200)
    with on_one_core() as core, busy_processes([core]):
        result, recorder = train_recorded(make_case(dataset), dataset, results)
    assert result.disturbed_epochs
    assert result.disturbed_epochs == tuple(record.epoch for record in recorder.epochs if record.is_disturbed)
    assert any(cause.startswith("other processes used") for cause in result.disturbance_causes)
    assert read_epoch_records(results.folder(result.case) / "epochs.jsonl") == recorder.epochs


@needs_affinity
def test_workers_of_the_reference_pipeline_are_no_disturbance(results, tiny_dataset, monkeypatch):
    """The workers keep the process waiting on a machine where nothing else runs."""

    def seconds_of_all():
        children = psutil.Process().children(recursive=True)
        times = os.times()
        alive = sum(one.cpu_times().user + one.cpu_times().system for one in children)
        return times.user + times.system + times.children_user + times.children_system + alive

    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: [SimpleNamespace(user=seconds_of_all())])
    with on_one_core():
        _, recorder = train_recorded(make_case(tiny_dataset, pipeline="reference"), tiny_dataset, results)
    for record in recorder.epochs:
        measured = record.disturbance
        assert measured.other_cpu_seconds < 0.05 * measured.wall_seconds + 0.05  # the system counts in hundredths
        assert measured.cpu_seconds > 0


def test_resume_keeps_the_disturbance_of_earlier_epochs(results, tiny_dataset, monkeypatch):
    use_meter(monkeypatch, busy(0.5))
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 3)
    use_meter(monkeypatch, QUIET)
    result = train(case, tiny_dataset, results, CPU)
    assert (result.disturbed_epochs, result.disturbance_causes) == ((1, 2), busy(0.5).causes)
    records = read_epoch_records(results.folder(case) / "epochs.jsonl")
    assert [record.disturbance for record in records] == [busy(0.5), busy(0.5), QUIET]
    assert result.undisturbed_median_seconds == records[2].epoch_seconds
    assert results.find(case) == result
