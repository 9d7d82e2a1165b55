import pytest

from harness.hardware.stopwatch import Stopwatch
from harness.throughput import comparison as comparison_module
from harness.throughput.comparison import _reference_round, compare_pipelines
from harness.throughput.measurements import Round
from harness.throughput.peak import Peak
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.tiny import CPU, TINY_SPEC, make_case, make_dataset


def test_both_pipelines_are_measured_alternately_on_the_same_images(monkeypatch):
    ran, notified = [], []
    for kind in (FastTrainer, ReferenceTrainer):
        epoch = kind.train_epoch

        def recorded(self, images, number, watch, *rest, epoch=epoch, kind=kind):
            ran.append((kind, len(images), images.pixels.sum().item()))
            return epoch(self, images, number, watch, *rest)

        monkeypatch.setattr(kind, "train_epoch", recorded)
    dataset = make_dataset()
    measured = compare_pipelines(
        make_case(dataset), dataset.spec, CPU, rounds=3, round_seconds=0.0, notify=notified.append
    )
    assert [one[:2] for one in ran[-6:]] == [
        (FastTrainer, 16), (ReferenceTrainer, 24), (ReferenceTrainer, 24), (FastTrainer, 16), (FastTrainer, 16),
        (ReferenceTrainer, 24),
    ]  # fmt: skip
    assert len({content for _, _, content in ran[-6:]}) == 2
    assert (measured.images_per_round, len(measured.fast), len(measured.reference)) == (16, 3, 3)
    assert all(one.images_per_second > 0 and 0 <= one.load_share < 1 for one in measured.fast + measured.reference)
    assert notified[-1] == "round 3 of 3, 16 images with each pipeline"


@pytest.fixture
def instant_rounds(monkeypatch):
    """Rounds that are not trained; the way of each, in order."""
    ran = []
    monkeypatch.setattr(comparison_module, "_plan_rounds", lambda *_: (16, 2))
    monkeypatch.setattr(comparison_module, "_round", lambda *_: ran.append("fast") or Round(30.0, 0.1))
    monkeypatch.setattr(comparison_module, "_reference_round", lambda *_: ran.append("reference") or Round(20.0, 0.1))
    monkeypatch.setattr(FastTrainer, "warm_up", lambda *_: None)
    return ran


def use_peak(monkeypatch, peak):
    """Replace the convolutions; return the speeds that the peak was asked to reach."""
    asked = []
    monkeypatch.setattr(
        comparison_module, "convolution_peak", lambda *_, at_least, **__: asked.append(at_least) or peak
    )
    return asked


def test_a_disturbed_round_is_measured_again_as_a_pair(instant_rounds, monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    use_meter(monkeypatch, QUIET, busy(1.2), QUIET)
    dataset, notified = make_dataset(), []
    measured = compare_pipelines(make_case(dataset), dataset.spec, CPU, notify=notified.append)
    assert instant_rounds == ["fast", "reference", "fast", "reference", "reference", "fast"]
    assert "round 1 disturbed (other processes used 1.2 cores): measured again" in notified
    assert measured.disturbed is None
    assert {one.disturbance for one in measured.fast + measured.reference} == {QUIET}


def test_rounds_that_remain_disturbed_are_kept_and_marked(instant_rounds, monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    use_meter(monkeypatch, *[QUIET] * 2, *[QUIET, busy(1.2)] * 4)
    dataset, notified = make_dataset(), []
    measured = compare_pipelines(make_case(dataset), dataset.spec, CPU, notify=notified.append)
    assert len(instant_rounds) == 2 + 4 * 2
    assert str(measured.disturbed) == "1 of 2 rounds (other processes used 1.2 cores)"
    assert [one.disturbance for one in measured.reference + measured.fast] == [QUIET, QUIET, QUIET, busy(1.2)]


def test_the_peak_is_asked_to_reach_the_training_speed(instant_rounds, monkeypatch):
    asked = use_peak(monkeypatch, Peak(1e12, busy()))
    dataset = make_dataset()
    measured = compare_pipelines(make_case(dataset), dataset.spec, CPU)
    assert asked == [measured.flops_per_second]
    assert (measured.peak_flops_per_second, measured.is_peak_disturbed) == (1e12, True)


def test_first_batch_of_the_reference_is_not_counted(monkeypatch):
    now = iter([0.0, 100.0, 102.0])  # start, end of the first batch, end of the last batch
    monkeypatch.setattr(Stopwatch, "_now", lambda _: next(now))

    def train_epoch(images, epoch, watch, notify):
        watch.seconds = {"load": 90.0}
        notify(1 / 3)
        watch.seconds = {"load": 90.5}
        notify(2 / 3)
        notify(1.0)

    dataset = make_dataset(train_images=24)
    trainer = ReferenceTrainer(make_case(dataset, pipeline="reference"), TINY_SPEC, CPU)
    monkeypatch.setattr(trainer, "train_epoch", train_epoch)
    assert _reference_round(trainer, dataset.train, 0) == Round(16 / 2.0, 0.25)


@pytest.mark.parametrize(
    ("step_seconds", "expected"), [(0.01, (400 * 8, 5)), (1.0, (4 * 8, 5)), (4.0, (2 * 8, 3)), (60.0, (2 * 8, 3))]
)
def test_fast_steps_make_long_rounds_and_slow_steps_few_rounds(step_seconds, expected, monkeypatch):
    monkeypatch.setattr(comparison_module, "_round", lambda *_: Round(8 / step_seconds, 0.0))
    dataset = make_dataset()
    trainer = FastTrainer(make_case(dataset), TINY_SPEC, CPU)
    assert comparison_module._plan_rounds(trainer, dataset.spec, 5, 4.0) == expected


def test_reference_is_float32_when_the_fast_pipeline_is_bf16(monkeypatch):
    precisions = []
    step = ReferenceTrainer.step
    monkeypatch.setattr(
        ReferenceTrainer, "step", lambda self, *batch: precisions.append(self.case.precision) or step(self, *batch)
    )
    dataset = make_dataset()
    case = make_case(dataset, precision="bf16")
    assert compare_pipelines(case, dataset.spec, CPU, rounds=1, round_seconds=0.0).precision == "bf16"
    assert set(precisions) == {"fp32"}


def test_operations_per_image_agree_with_torchs_counter(tiny_dataset):
    from torch.utils.flop_counter import FlopCounterMode

    from harness.config.families import OPERATIONS_PER_MAC, parse_model
    from harness.models.cost import count_macs

    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    with FlopCounterMode(display=False) as counter:
        trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    macs = count_macs(parse_model("resnet8"), (1, 8, 8), 3)
    # torch's count lacks the first layer's gradient for the images and has the crop's matrix products
    assert counter.get_total_flops() / 30 == pytest.approx(OPERATIONS_PER_MAC * macs, rel=0.1)
