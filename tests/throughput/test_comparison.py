import pytest

from harness.hardware.stopwatch import Stopwatch
from harness.throughput import comparison as comparison_module
from harness.throughput.comparison import (
    PipelineComparison,
    Round,
    _reference_round,
    compare_pipelines,
    median_load_share,
    median_speed,
)
from harness.throughput.peak import convolution_peak
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from tests.helpers.tiny import CPU, TINY_SPEC, make_case, make_dataset


def comparison(fast, reference, **changes):
    values = {
        "model": "resnet20",
        "input_shape": (3, 32, 32),
        "batch_size": 128,
        "images_per_round": 512,
        "macs": 40_000_000,
        "precision": "fp32",
        "compiled": False,
        "compile_seconds": 0.0,
        "fast": tuple(Round(speed, 0.02) for speed in fast),
        "reference": tuple(Round(speed, 0.03) for speed in reference),
        "peak_flops_per_second": 480e9,
    }
    return PipelineComparison(**(values | changes))


def test_the_ratio_is_the_median_of_rounds_measured_beside_each_other():
    drifting = comparison(fast=(1000, 500, 100), reference=(500, 250, 80))
    assert drifting.ratios == [2, 2, 1.25]
    assert drifting.ratio == 2


def test_training_costs_six_operations_a_mac():
    one = comparison(fast=(900, 1000, 1100), reference=(1, 1, 1))
    assert one.flops_per_second == 6 * 40e6 * 1000
    assert one.name == "resnet20-3x32x32"


def test_medians_are_of_the_rounds():
    rounds = (Round(1, 0.5), Round(3, 0.1), Round(2, 0.2))
    assert (median_speed(rounds), median_load_share(rounds)) == (2, 0.2)


@pytest.fixture
def told():
    return []


def test_both_pipelines_are_measured_in_turn_on_the_same_images(told, monkeypatch):
    ran = []
    for kind in (FastTrainer, ReferenceTrainer):
        epoch = kind.train_epoch

        def recorded(self, images, number, watch, *rest, epoch=epoch, kind=kind):
            ran.append((kind, len(images), images.pixels.sum().item()))
            return epoch(self, images, number, watch, *rest)

        monkeypatch.setattr(kind, "train_epoch", recorded)
    dataset = make_dataset()
    measured = compare_pipelines(make_case(dataset), dataset.spec, CPU, rounds=3, round_seconds=0.0, notify=told.append)
    assert [one[:2] for one in ran[-6:]] == [
        (FastTrainer, 16), (ReferenceTrainer, 24), (ReferenceTrainer, 24), (FastTrainer, 16), (FastTrainer, 16),
        (ReferenceTrainer, 24),
    ]  # fmt: skip
    assert len({content for _, _, content in ran[-6:]}) == 2
    assert (measured.images_per_round, len(measured.fast), len(measured.reference)) == (16, 3, 3)
    assert all(one.images_per_second > 0 and 0 <= one.load_share < 1 for one in measured.fast + measured.reference)
    assert told[-1] == "round 3 of 3, 16 images each way"


def test_the_references_first_batch_is_not_counted(monkeypatch):
    now = iter([0.0, 100.0, 102.0])  # the watch is made, the first batch is over, the last is
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
def test_rounds_are_long_where_steps_are_quick_and_few_where_they_are_slow(step_seconds, expected, monkeypatch):
    monkeypatch.setattr(comparison_module, "_round", lambda *_: Round(8 / step_seconds, 0.0))
    dataset = make_dataset()
    trainer = FastTrainer(make_case(dataset), TINY_SPEC, CPU)
    assert comparison_module._plan_rounds(trainer, dataset.spec, 5, 4.0) == expected


def test_the_reference_beside_bf16_is_float32(monkeypatch):
    precisions = []
    step = ReferenceTrainer.step
    monkeypatch.setattr(
        ReferenceTrainer, "step", lambda self, *batch: precisions.append(self.case.precision) or step(self, *batch)
    )
    dataset = make_dataset()
    case = make_case(dataset, precision="bf16")
    assert compare_pipelines(case, dataset.spec, CPU, rounds=1, round_seconds=0.0).precision == "bf16"
    assert set(precisions) == {"fp32"}


def test_the_convolution_peak_is_the_fastest_of_some_large_convolutions(monkeypatch):
    speeds = iter([1e9, 3e9, 2e9])
    monkeypatch.setattr("harness.throughput.peak._operations_per_second", lambda *_: next(speeds))
    assert convolution_peak.__wrapped__(CPU, "fp32") == 3e9


def test_a_convolutions_operations_are_counted(monkeypatch):
    from harness.throughput import peak

    now = iter(range(100))
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    assert peak._operations_per_second(CPU, "fp32", 2, 4, 8) == 2 * 2 * 4 * 4 * 9 * 8 * 8


def test_an_image_trained_costs_what_torch_counts(tiny_dataset):
    from torch.utils.flop_counter import FlopCounterMode

    from harness.config.families import parse_model
    from harness.models.cost import OPERATIONS_PER_MAC, count_macs

    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    with FlopCounterMode(display=False) as counter:
        trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    macs = count_macs(parse_model("resnet8"), (1, 8, 8), 3)
    # less the first layer's gradient for the images, which nobody needs, and more the crop's products
    assert counter.get_total_flops() / 30 == pytest.approx(OPERATIONS_PER_MAC * macs, rel=0.1)
