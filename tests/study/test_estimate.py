import itertools
from dataclasses import replace

import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.experiment import plan_experiment
from harness.config.recipes import DIGITS
from harness.errors import InputError
from harness.study import estimate as estimate_module
from harness.study.estimate import Estimate, estimate, recorded_epoch_seconds
from harness.throughput.repetition import Repetition
from harness.training.trainers import make_trainer
from tests.helpers.busy import needs_affinity, pinned_beside_a_busy_process
from tests.helpers.disturbances import QUIET, busy, use_meter, use_real_meter

CPU = torch.device("cpu")
SPEC = SPECS["digits"]
RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=512)


@pytest.fixture(autouse=True)
def undisturbed(monkeypatch):
    """Timed steps that read as undisturbed, however busy this machine is."""
    use_meter(monkeypatch, QUIET)


def timed_on(experiment, train_images, evaluated_images, notify=lambda _: None):
    return estimate(experiment, SPEC, train_images, evaluated_images, CPU, "auto", repetition=Repetition(notify))


@pytest.fixture
def experiment(make_settings):
    return plan_experiment(make_settings(full_training=True), "digits", "resnet8", 0, RECIPE)


@pytest.fixture
def co_scheduled(tiny_result):
    """The result of a run that shared its machine."""
    environment = tiny_result.environment | {"co_scheduled": True}
    return replace(
        tiny_result, environment=environment, attempts=(replace(tiny_result.attempts[0], environment=environment),)
    )


def test_the_total_is_an_epochs_seconds_times_epochs():
    assert Estimate(epoch_seconds=1.5, epochs=20).total_seconds == 30


def test_an_estimate_scales_steps_to_an_epoch_and_epochs_to_a_run(experiment, monkeypatch):
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda *_: 3.0)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.5)
    expected = timed_on(experiment, 1024, 10)
    assert expected.epoch_seconds == 2 * 3.0 + 10 * 0.5
    assert expected.total_seconds == 2 * expected.epoch_seconds


def test_an_expensive_step_is_estimated_from_one_and_two_images(experiment, monkeypatch):
    monkeypatch.setattr(estimate_module, "_AFFORDABLE_OPERATIONS", 0)
    # a step costs 1 second, an image 0.25
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda trainer, spec, batch_size: 1.0 + 0.25 * batch_size)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.0)
    expected = timed_on(experiment, 1024, 10)
    assert expected.epoch_seconds == pytest.approx(2 * 1.0 + 1024 * 0.25)


def test_two_images_measured_as_faster_than_one_give_a_positive_estimate(experiment, monkeypatch):
    monkeypatch.setattr(estimate_module, "_AFFORDABLE_OPERATIONS", 0)
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda trainer, spec, batch_size: 1.0 / batch_size)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.0)
    assert timed_on(experiment, 1024, 10).epoch_seconds == pytest.approx(2 * 0.9 + 1024 * 0.1)


def test_a_step_that_batchnorm_refuses_for_one_image_is_timed_for_two(experiment, monkeypatch):
    monkeypatch.setattr(estimate_module, "_AFFORDABLE_OPERATIONS", 0)
    timed = []

    def step_seconds(trainer, spec, batch_size):
        timed.append(batch_size)
        return 1.0 + 0.25 * batch_size

    monkeypatch.setattr(estimate_module, "_step_seconds", step_seconds)
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.0)
    expected = estimate(replace(experiment, model="resnet24"), SPEC, 1024, 10, CPU, "auto")
    assert timed == [2, 4]
    assert expected.epoch_seconds == pytest.approx(2 * 1.0 + 1024 * 0.25)


class GpuTrainer:
    """A trainer whose device is a GPU; keeps the number of images of each call."""

    device = torch.device("cuda")
    spec = SPEC

    def __init__(self, case, *_):
        self.case, self.recipe, self.called = case, case.recipe, []

    def place(self, images):
        return images

    def warm_up(self, images):
        self.called.append(("warm_up", len(images)))

    def train_epoch(self, images, epoch, watch):
        self.called.append(("train", len(images), self.recipe.batch_size))

    def evaluate(self, images):
        self.called.append(("evaluate", len(images)))


@pytest.fixture
def gpu_trainers(monkeypatch):
    """The trainers of estimates on a GPU that is not there; its time passes by one second per look at the clock."""
    made, seconds = [], itertools.count()
    monkeypatch.setattr(estimate_module, "make_trainer", lambda *given: made.append(GpuTrainer(*given)) or made[-1])
    monkeypatch.setattr(estimate_module, "metered", lambda _, work: (work(), QUIET))
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch._now", lambda _: next(seconds))
    return made


@pytest.mark.parametrize(
    ("macs", "steps", "evaluated"), [(1e6, 10, 4096), (3e9, 3, 1250), (1e11, 1, 37)], ids=["small", "large", "huge"]
)
def test_whole_steps_are_timed_on_a_gpu_after_a_warm_up(macs, steps, evaluated, experiment, gpu_trainers, monkeypatch):
    monkeypatch.setattr(estimate_module, "count_macs", lambda *_: macs)
    expected = estimate(experiment, SPEC, 1024, 10, GpuTrainer.device, "fp32")
    (trainer,) = gpu_trainers
    assert trainer.called == [
        ("warm_up", 512), *[("train", steps * 512, 512)] * 4, *[("evaluate", evaluated)] * 2,
    ]  # fmt: skip
    assert expected.epoch_seconds == pytest.approx(2 / steps + 10 / evaluated)


@pytest.mark.parametrize(("affordable", "warmed_up"), [(1e12, ["warm_up"]), (0, [])])
def test_bf16_is_verified_on_a_cpu_if_a_whole_step_is_affordable(
    affordable, warmed_up, experiment, gpu_trainers, step_seconds, monkeypatch
):
    monkeypatch.setattr(GpuTrainer, "device", CPU)
    monkeypatch.setattr(estimate_module, "_AFFORDABLE_OPERATIONS", affordable)
    step_seconds[:] = [1.0, 2.0]
    estimate(experiment, SPEC, 1024, 10, CPU, "bf16")
    assert [call[0] for call in gpu_trainers[0].called] == warmed_up


def test_estimates_use_the_kernels_of_a_deterministic_case(experiment, gpu_trainers):
    estimate(experiment, SPEC, 1024, 10, GpuTrainer.device, "fp32", deterministic=True)
    assert gpu_trainers[0].case.deterministic


def test_slow_steps_are_timed_fewer_times(experiment, gpu_trainers, monkeypatch):
    seconds = itertools.count(0, 20)
    monkeypatch.setattr("harness.hardware.stopwatch.Stopwatch._now", lambda _: next(seconds))
    estimate(experiment, SPEC, 1024, 10, GpuTrainer.device, "fp32")
    assert [call[0] for call in gpu_trainers[0].called] == ["warm_up", "train", "train", "evaluate", "evaluate"]


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_the_real_loop_is_timed(experiment, pipeline):
    images = (360, 1437) if pipeline == "fast" else (16, 8)
    small = replace(experiment, recipe=replace(RECIPE, batch_size=8)) if pipeline == "reference" else experiment
    expected = estimate(small, SPEC, *images, CPU, "auto", pipeline, repetition=Repetition())
    assert 0 < expected.epoch_seconds < 3600
    assert expected.epochs == 2


@pytest.fixture
def step_seconds(monkeypatch):
    """A list of the seconds that the next steps take; evaluation takes none."""
    seconds = []
    monkeypatch.setattr(estimate_module, "_step_seconds", lambda *_: seconds.pop(0))
    monkeypatch.setattr(estimate_module, "_evaluation_seconds", lambda *_: 0.0)
    return seconds


def test_disturbed_steps_are_timed_again(experiment, step_seconds, monkeypatch):
    use_meter(monkeypatch, busy(1.2), QUIET)
    step_seconds[:] = [9.0, 3.0]
    notified = []
    expected = timed_on(experiment, 512, 10, notified.append)
    assert expected == Estimate(3.0, 2, QUIET)
    assert notified == ["digits resnet8 disturbed (other processes used 1.2 cores): measured again"]


def test_steps_that_remain_disturbed_are_marked_with_the_causes(experiment, step_seconds, monkeypatch):
    use_meter(monkeypatch, busy(1.2), busy(0.4), busy(0.9))
    step_seconds[:] = [9.0, 3.0, 5.0, 5.0]
    expected = timed_on(experiment, 512, 10)
    assert expected == Estimate(3.0, 2, busy(0.4))
    assert expected.causes == ("other processes used 0.4 cores",)
    assert step_seconds == []


@needs_affinity
def test_steps_beside_a_busy_process_are_marked(experiment, monkeypatch):
    use_real_meter(monkeypatch)
    with pinned_beside_a_busy_process():
        expected = timed_on(experiment, 1437, 360)
    assert expected.causes[0].startswith("other processes used ")


def test_timing_a_step_leaves_the_trainers_recipe_as_it_was(experiment):
    trainer = make_trainer(experiment.bind(device_kind="cpu", precision="fp32"), SPEC, CPU)
    assert estimate_module._step_seconds(trainer, SPEC, 4) > 0
    assert trainer.recipe == RECIPE


def test_a_precision_that_the_device_lacks_is_refused(experiment):
    with pytest.raises(InputError, match="tf32"):
        estimate(experiment, SPEC, 1024, 10, CPU, "tf32", repetition=Repetition())


def test_recorded_times_of_another_device_precision_or_mode_do_not_count(experiment, tiny_result):
    tiny_result = replace(tiny_result, disturbed_epochs=())
    recorded = recorded_epoch_seconds(experiment, [tiny_result], "cpu", "fp32")
    assert recorded == pytest.approx(tiny_result.mean_epoch_seconds)
    assert recorded_epoch_seconds(experiment, [tiny_result], "cuda", "fp32") is None
    assert recorded_epoch_seconds(experiment, [tiny_result], "cpu", "bf16") is None
    assert recorded_epoch_seconds(experiment, [tiny_result], "cpu", "fp32", "reference") is None
    assert recorded_epoch_seconds(experiment, [replace(tiny_result, mode="quick")], "cpu", "fp32") is None
    assert recorded_epoch_seconds(experiment, [replace(tiny_result, status="diverged")], "cpu", "fp32") is None
    assert recorded_epoch_seconds(experiment, [], "cpu", "fp32") is None


def test_recorded_times_of_all_runs_are_averaged_by_epoch(experiment, tiny_result):
    run = replace(tiny_result, disturbed_epochs=())
    runs = [replace(run, epoch_seconds=(1.0, 2.0)), replace(run, epoch_seconds=(6.0,))]
    assert recorded_epoch_seconds(experiment, runs, "cpu", "fp32") == 3.0


def in_environment(result, **changes):
    """The result of a run in another environment."""
    environment = result.environment | changes
    return replace(result, environment=environment, attempts=(replace(result.attempts[0], environment=environment),))


def test_of_recorded_times_under_different_conditions_the_newest_count(experiment, tiny_result):
    run = replace(tiny_result, disturbed_epochs=(), epoch_seconds=(2.0,), finished_at="2026-01-01")
    without = in_environment(replace(run, epoch_seconds=(9.0,)), switched_off={"bf16": "wrong by 10 %"})
    assert recorded_epoch_seconds(experiment, [run, replace(without, finished_at="2025")], "cpu", "fp32") == 2.0
    assert recorded_epoch_seconds(experiment, [run, replace(without, finished_at="2027")], "cpu", "fp32") == 9.0


def test_recorded_times_of_other_kernels_or_processes_do_not_count(experiment, tiny_result):
    run = replace(tiny_result, disturbed_epochs=(), epoch_seconds=(2.0,))
    for name in ("compiled", "deterministic"):
        other = replace(run, case=replace(run.case, **{name: True}), epoch_seconds=(9.0,))
        assert recorded_epoch_seconds(experiment, [run, other], "cpu", "fp32") == 2.0
        assert recorded_epoch_seconds(experiment, [run, other], "cpu", "fp32", **{name: True}) == 9.0
    sharded = in_environment(replace(run, epoch_seconds=(9.0,)), processes=2, sharded=True)
    assert recorded_epoch_seconds(experiment, [run, sharded], "cpu", "fp32") == 2.0
    found = recorded_epoch_seconds(experiment, [run, sharded], "cpu", "fp32", processes="2 processes, sharded")
    assert found == 9.0


def test_recorded_times_of_co_scheduled_runs_do_not_count(experiment, co_scheduled):
    assert recorded_epoch_seconds(experiment, [co_scheduled], "cpu", "fp32") is None


@pytest.mark.parametrize(
    ("disturbed", "expected"),
    [(None, 3.0), ((), 3.0), ((2,), 2.0), ((1, 2), 4.0), ((1, 2, 3), 3.0)],
    ids=["not known", "none", "one", "several", "all"],
)
def test_recorded_disturbed_epochs_count_only_if_all_are_disturbed(disturbed, expected, experiment, tiny_result):
    run = replace(tiny_result, epoch_seconds=(0.0, 5.0, 4.0), disturbed_epochs=disturbed)
    assert recorded_epoch_seconds(experiment, [run], "cpu", "fp32") == expected


def test_undisturbed_epochs_of_one_run_replace_another_runs_disturbed(experiment, tiny_result):
    runs = [
        replace(tiny_result, epoch_seconds=(9.0, 9.0), disturbed_epochs=(1, 2)),
        replace(tiny_result, epoch_seconds=(1.0, 3.0), disturbed_epochs=()),
    ]
    assert recorded_epoch_seconds(experiment, runs, "cpu", "fp32") == 2.0


def test_recorded_times_of_a_run_resumed_elsewhere_do_not_count(experiment, tiny_result):
    tiny_result = replace(tiny_result, disturbed_epochs=())
    (first,) = tiny_result.attempts
    second = replace(first, first_epoch=2, environment=first.environment | {"threads": 99})
    mixed = replace(tiny_result, attempts=(first, second))
    assert recorded_epoch_seconds(experiment, [mixed], "cpu", "fp32") is None
    same = replace(tiny_result, attempts=(first, replace(first, first_epoch=2)))
    assert recorded_epoch_seconds(experiment, [same], "cpu", "fp32") == tiny_result.mean_epoch_seconds


def test_epochs_with_images_held_out_are_recorded_apart(experiment, tiny_result):
    trial = replace(tiny_result, case=replace(tiny_result.case, val_split=0.1), epoch_seconds=(9.0,))
    run = replace(tiny_result, epoch_seconds=(2.0,))
    assert recorded_epoch_seconds(experiment, [run, trial], "cpu", "fp32") == 2.0
    assert recorded_epoch_seconds(experiment, [run, trial], "cpu", "fp32", val_split=0.1) == 9.0
