"""The times to use a network: what is measured after training, when it is tried again, and what is left out."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.config.datasets import SPECS
from harness.hardware.co_scheduling import CoSchedulingMonitor
from harness.results.inference_time import LATENCY_BATCH, THROUGHPUT_BATCH
from harness.training import inference_meter
from harness.training.callback import TrainingCallback
from harness.training.context import TrainingContext
from harness.training.inference_meter import InferenceMeter
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.train import train
from harness.training.trainers import make_trainer
from harness.training.trainers.trainer import trial_of_case
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.fake_cuda import GPU, fake_cuda
from tests.helpers.fake_training import cuda_case
from tests.helpers.networks import HostDrawing, Plain, own_case
from tests.helpers.tiny import CPU, TINY_SPEC, make_case
from tests.helpers.training import outcome, train_recorded


@pytest.fixture
def quiet(monkeypatch):
    """A machine on which nothing else runs."""
    use_meter(monkeypatch, QUIET)


@pytest.fixture
def threads(monkeypatch):
    """A process with two threads in name; returns the numbers of threads set so far."""
    numbers = [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: numbers[-1])
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    return numbers


def meter_of(case, callback=None, processes=None, co_scheduling=None):
    context = TrainingContext(callback or TrainingCallback(), processes or SINGLE_PROCESS)
    return InferenceMeter(make_trainer(case, TINY_SPEC, CPU), context, co_scheduling or CoSchedulingMonitor())


def measured(case, seconds=1.0, **options):
    """Return the times of an untrained network, and the notes on those left out."""
    meter = meter_of(case, **options)
    return meter.measure(seconds), meter.notes


def test_a_complete_case_has_its_times_and_sizes(results, tiny_dataset, quiet, threads):
    result, recorder = train_recorded(make_case(tiny_dataset), tiny_dataset, results)
    assert [(one.batch, one.threads) for one in result.inference] == [(1, 2), (64, 2), (1, 1), (64, 1)]
    assert all(one.median_seconds > 0 and one.rounds >= 3 and not one.is_disturbed for one in result.inference)
    assert result.latency_seconds == result.inference[0].median_seconds
    assert result.image_seconds == result.inference[1].median_seconds / THROUGHPUT_BATCH
    assert (result.activations, result.notes, recorder.notices) == (4608, (), [])
    assert result.weight_bytes > 4 * result.params
    assert results.find(result.case) == result
    assert (1 in threads, threads[-1]) == (True, 2)


def test_quick_and_diverged_cases_are_not_measured(results, tiny_dataset):
    quick = train(make_case(tiny_dataset, mode="quick"), tiny_dataset, results, CPU)
    wild = make_case(tiny_dataset, recipe=replace(make_case(tiny_dataset).recipe, learning_rate=1e30))
    diverged = train(wild, tiny_dataset, results, CPU)
    assert (quick.inference, diverged.status, diverged.inference) == ((), "diverged", ())
    assert quick.activations == 4608


def test_measuring_changes_no_bit_of_any_training(tmp_path, results, tiny_dataset, quiet, threads, monkeypatch):
    cases = [own_case(tiny_dataset, HostDrawing, seed=seed) for seed in range(2)]
    with_times = []
    for case in cases:
        train(case, tiny_dataset, results, CPU)
        with_times.append(outcome(case, results))
        results.folder(case).rename(tmp_path / f"measured{case.seed}")
    monkeypatch.setattr(InferenceMeter, "measure", lambda *_: ())
    for case in cases:
        assert train(case, tiny_dataset, results, CPU).inference == ()
    assert [outcome(case, results) for case in cases] == with_times


def test_measuring_restores_the_random_states_and_the_weights(tiny_dataset, quiet):
    meter = meter_of(make_case(tiny_dataset))
    before, weights = torch.get_rng_state(), meter._trainer.weights()
    meter.measure(0.1)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, weights[name]) for name, value in meter._trainer.weights().items())
    assert torch.is_grad_enabled()


class Observed(nn.Module):
    """A network that keeps what it is called with."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(in_channels, 4, 3, padding=1), nn.Linear(4, num_classes)
        self.calls = []

    def forward(self, x):
        out = self.conv(x)
        last = x.is_contiguous(memory_format=torch.channels_last)
        self.calls.append((tuple(x.shape), last, out.dtype, self.training, torch.is_grad_enabled()))
        return self.fc(out.mean((2, 3)))


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_network_is_used_as_it_was_evaluated(tiny_dataset, quiet, precision, dtype):
    meter = meter_of(own_case(tiny_dataset, Observed, precision=precision))
    calls = meter._trainer.network.calls
    calls.clear()
    meter.measure(0.1)
    assert {call[0] for call in calls} == {(1, 1, 8, 8), (64, 1, 8, 8)}
    assert {call[1:] for call in calls} == {(True, dtype, False, False)}


def test_case_interrupted_before_the_measurement_still_gets_it(results, tiny_dataset, monkeypatch):
    measure = InferenceMeter.measure

    def stop(*_):
        raise KeyboardInterrupt

    case = make_case(tiny_dataset)
    monkeypatch.setattr(InferenceMeter, "measure", stop)
    with pytest.raises(KeyboardInterrupt):
        train(case, tiny_dataset, results, CPU)
    monkeypatch.setattr(InferenceMeter, "measure", measure)
    result, recorder = train_recorded(case, tiny_dataset, results)
    assert (recorder.resumed, recorder.epochs) == ([3], [])
    assert len(result.inference) >= 2


class Stopping(TrainingCallback):
    def should_stop(self):
        return True


def test_a_stop_asked_for_ends_the_measurement(tiny_dataset, quiet):
    with pytest.raises(KeyboardInterrupt):
        measured(make_case(tiny_dataset), callback=Stopping())


class Few(Plain):
    """A network that cannot take many images."""

    def forward(self, x):
        if len(x) > 30:
            raise ValueError("too many images")
        return super().forward(x)


def test_a_network_that_fails_with_a_batch_keeps_its_result(results, tiny_dataset, quiet, threads):
    result, recorder = train_recorded(own_case(tiny_dataset, Few), tiny_dataset, results)
    (note,) = [one for one in result.notes if "left out" in one]
    assert note.startswith("throughput at batch 64 left out: ValueError: too many images (test_inference_meter.py:")
    assert note in recorder.notices
    assert (result.status, [one.batch for one in result.inference]) == ("complete", [1, 1])
    assert result.latency_seconds
    assert result.image_seconds is None


def test_disturbed_rounds_are_tried_again(tiny_dataset, monkeypatch):
    use_meter(monkeypatch, busy(), QUIET)
    times, _ = measured(make_case(tiny_dataset), seconds=20.0)
    assert [one.is_disturbed for one in times] == [False] * len(times)


def test_rounds_that_stay_disturbed_are_marked(tiny_dataset, monkeypatch):
    use_meter(monkeypatch, busy())
    times, _ = measured(make_case(tiny_dataset))
    assert times
    assert all(one.is_disturbed for one in times)


def test_times_beside_other_cases_are_marked(tiny_dataset, quiet, monkeypatch):
    monkeypatch.setattr(CoSchedulingMonitor, "saw_other_case", True)
    times, _ = measured(make_case(tiny_dataset))
    assert all(one.is_disturbed for one in times)


def test_a_case_that_ended_before_disturbs_no_time(tiny_dataset, quiet, tmp_path):
    with CoSchedulingMonitor(tmp_path) as own:
        with CoSchedulingMonitor(tmp_path):
            beside, _ = measured(make_case(tiny_dataset), co_scheduling=own)
        times, _ = measured(make_case(tiny_dataset), co_scheduling=own)
        assert own.saw_other_case
    assert [one.is_disturbed for one in beside] == [True] * len(times)
    assert [one.is_disturbed for one in times] == [False] * len(times)


def test_slow_passes_are_left_out_with_a_note(tiny_dataset, quiet, monkeypatch):
    monkeypatch.setattr(inference_meter, "_MOST_PASS_SECONDS", 0.0)
    times, notes = measured(make_case(tiny_dataset))
    assert times == ()
    assert [note.split(":")[0] for note in notes] == ["latency at batch 1 left out", "throughput at batch 64 left out"]
    assert "a forward pass takes" in notes[0]


def test_a_batch_beyond_the_memory_of_training_is_not_tried(tiny_dataset, quiet, monkeypatch):
    monkeypatch.setattr(inference_meter, "evaluation_batch_size", lambda *_: 8)
    case = make_case(tiny_dataset)
    times, notes = measured(case)
    (note,) = notes
    assert {one.batch for one in times} == {1}
    assert note.startswith("throughput at batch 64 left out: memory that sufficed to train 8 images at a time and to ")
    assert note.endswith("a recipe with a batch_size of 16 or more has it measured")
    times, notes = measured(replace(case, recipe=replace(case.recipe, batch_size=16)))
    assert ({one.batch for one in times}, notes) == ({1, 64}, [])


def test_sharded_networks_are_left_out_with_a_note(tiny_dataset):
    sharded = ProcessGroup(0, 2, 0, 2)
    sharded.is_sharded = True
    times, notes = measured(make_case(tiny_dataset), processes=sharded)
    assert times == ()
    (note,) = notes
    assert note.startswith("latency and throughput left out: no process has the whole network")


class Clock(nn.Module):
    """A clock, and a network whose passes take these seconds of it in turn, the last one's from then on."""

    def __init__(self, *seconds):
        super().__init__()
        self.seconds, self.now = list(seconds), 0.0

    def perf_counter(self):
        return self.now

    def forward(self, x):
        self.now += self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0]


@pytest.mark.parametrize(
    ("pass_seconds", "rounds", "longest"),
    [
        ((1.0, 0.001), 15, 0.4),  # the first pass is slow, and does not count
        ((0.02,), 15, 0.4),
        ((0.1,), 3, 0.41),
        ((4.0,), 3, 12.1),
        ((*[0.001] * 71, 0.1), 3, 6.1),  # other work begins after the warm-up: 15 rounds would take 30 s
    ],
)
def test_rounds_are_bounded_by_time_but_never_fewer_than_three(monkeypatch, pass_seconds, rounds, longest):
    clock = Clock(*pass_seconds)
    monkeypatch.setattr(inference_meter, "time", clock)
    passes = inference_meter._Passes(clock, torch.zeros(LATENCY_BATCH, 1, 8, 8), CPU)
    passes.warm_up(0.3)
    started = clock.now
    found = list(passes.rounds(0.3))
    assert len(found) == rounds
    assert clock.now - started <= longest
    assert found[-1] == pytest.approx(pass_seconds[-1])


def test_on_cuda_a_pass_of_one_image_is_waited_for(monkeypatch):
    waits = []
    monkeypatch.setattr(inference_meter, "wait_for_device", lambda device: waits.append(device))
    case = cuda_case("cifar10", "resnet8")
    trial_of_case(case, SPECS[case.dataset])
    with fake_cuda() as cuda:
        trainer = make_trainer(case, SPECS[case.dataset], GPU)
        use_meter(monkeypatch, QUIET)
        with cuda.recording("use"):
            times = InferenceMeter(trainer, TrainingContext(), CoSchedulingMonitor()).measure(0.0)
    assert [(one.batch, one.threads, one.rounds) for one in times] == [
        (1, torch.get_num_threads(), 3),
        (64, torch.get_num_threads(), 3),
    ]
    assert waits == [GPU] * (4 * 3 + 4 * 2)  # one pass to warm up and three rounds: two ends, and each image
    assert {place for _, place in cuda.waits_in("use")} == {"training/inference_meter.py:_inputs"}


@pytest.mark.soak
def test_medians_of_three_measurements_agree_within_5_percent(tiny_dataset):
    """On an idle machine: pytest tests/training/test_inference_meter.py -m soak -rs.

    At each batch and number of threads, if none of the three was disturbed; skipped if that holds at none.
    """
    meter = meter_of(make_case(tiny_dataset))
    runs = [meter.measure(60.0) for _ in range(3)]
    judged = [same for same in zip(*runs, strict=True) if not any(one.is_disturbed for one in same)]
    if not judged:
        pytest.skip("all three measurements were disturbed: run it again on an idle machine")
    for same in judged:
        medians = [one.median_seconds for one in same]
        assert max(medians) <= 1.05 * min(medians), same
