import itertools

import pytest

from harness.hardware.stopwatch import Stopwatch
from harness.throughput import comparison as comparison_module
from harness.throughput.comparison import compare_pipelines, plan_rounds
from harness.throughput.peak import Peak
from harness.throughput.pipelines import Round
from harness.throughput.ways import WarmUp, Way
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from tests.helpers.disturbances import QUIET, busy, use_meter
from tests.helpers.tiny import CPU, TINY_SPEC, make_case, make_dataset

CASE = make_case(make_dataset())
BF16 = make_case(make_dataset(), precision="bf16")


def test_both_pipelines_are_measured_alternately_on_the_same_images(monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    ran, notified = [], []
    for kind in (FastTrainer, ReferenceTrainer):
        epoch = kind.train_epoch

        def recorded(self, images, number, watch, *rest, epoch=epoch, kind=kind):
            ran.append((kind, len(images), images.pixels.sum().item()))
            return epoch(self, images, number, watch, *rest)

        monkeypatch.setattr(kind, "train_epoch", recorded)
    (measured,) = compare_pipelines([CASE], TINY_SPEC, CPU, rounds=3, round_seconds=0.0, notify=notified.append)
    assert [one[:2] for one in ran[-6:]] == [
        (FastTrainer, 16), (ReferenceTrainer, 24), (ReferenceTrainer, 24), (FastTrainer, 16), (FastTrainer, 16),
        (ReferenceTrainer, 24),
    ]  # fmt: skip
    assert len({content for _, _, content in ran[-6:]}) == 2
    assert measured.images_per_round == 16
    for rounds in (measured.fast, measured.reference, measured.plain):
        assert len(rounds) == 3
        assert all(one.images_per_second > 0 and 0 <= one.load_share < 1 for one in rounds)
    assert (measured.reference_default, measured.fp32) == ((), ())
    assert notified[-1] == "round 3 of 3, 16 images in each of 3 ways"


@pytest.fixture
def instant_rounds(monkeypatch):
    """Two rounds of ways that train nothing; the way of each round, in order."""
    ran = []

    def way(name, precision, speed):
        def measure(images, number):
            ran.append((name, precision, len(images)))
            return Round(speed, 0.1)

        off = ("bf16: it differs",) if (name, precision) == ("fast", "bf16") else ()
        return Way(name, precision, measure, lambda: WarmUp(speed / 10, off))

    def make_ways(cases, *_):
        found = []
        for case in cases:
            speed = {"fp32": 30.0, "bf16": 60.0}[case.precision]
            found += [way("fast", case.precision, speed), way("plain", case.precision, speed - 5)]
        return [*found, way("reference", "fp32", 20.0)]

    monkeypatch.setattr(comparison_module, "make_ways", make_ways)
    monkeypatch.setattr(comparison_module, "plan_rounds", lambda *_: (16, 2))
    return ran


def use_peak(monkeypatch, peak):
    """Replace the convolutions; return the precisions and the speeds that the peak was asked to reach."""
    asked = []
    monkeypatch.setattr(
        comparison_module,
        "convolution_peak",
        lambda _, precision, *, at_least, **__: asked.append((precision, at_least)) or peak,
    )
    return asked


def test_each_precision_has_a_comparison_of_the_same_rounds(instant_rounds, monkeypatch):
    asked = use_peak(monkeypatch, Peak(1e12, busy()))
    notified = []
    fp32, bf16 = compare_pipelines([CASE, BF16], TINY_SPEC, CPU, notify=notified.append)
    assert [(name, at) for name, at, images in instant_rounds if images == 24] == [
        ("fast", "fp32"), ("plain", "fp32"), ("fast", "bf16"), ("plain", "bf16"), ("reference", "fp32"),
        ("reference", "fp32"), ("plain", "bf16"), ("fast", "bf16"), ("plain", "fp32"), ("fast", "fp32"),
    ]  # fmt: skip
    assert (fp32.precision, fp32.fp32, bf16.precision, bf16.fp32) == ("fp32", (), "bf16", fp32.fast)
    speeds = [one[0].images_per_second for one in (fp32.fast, fp32.plain, bf16.fast, bf16.plain)]
    assert speeds == [30.0, 25.0, 60.0, 55.0]
    assert fp32.reference == bf16.reference
    assert (fp32.switched_off, bf16.switched_off) == ((), ("bf16: it differs",))
    assert notified[1] == "measured without bf16: it differs"
    assert (fp32.compile_seconds, bf16.compile_seconds) == (3.0, 6.0)
    assert asked == [("fp32", fp32.flops_per_second), ("bf16", bf16.flops_per_second)]
    assert (fp32.peak_flops_per_second, fp32.is_peak_disturbed) == (1e12, True)


def test_ways_but_the_reference_are_warmed_up_by_a_batch(instant_rounds, monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    compare_pipelines([CASE, BF16], TINY_SPEC, CPU)
    assert instant_rounds[:3] == [("plain", "fp32", 16), ("fast", "bf16", 16), ("plain", "bf16", 16)]


def test_a_disturbed_round_is_measured_again_in_every_way(instant_rounds, monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    use_meter(monkeypatch, QUIET, QUIET, busy(1.2), QUIET)
    notified = []
    (measured,) = compare_pipelines([CASE], TINY_SPEC, CPU, notify=notified.append)
    assert [name for name, _, images in instant_rounds if images == 24] == [
        *["fast", "plain", "reference"] * 2, "reference", "plain", "fast",
    ]  # fmt: skip
    assert "round 1 disturbed (other processes used 1.2 cores): measured again" in notified
    assert measured.disturbed is None
    assert {one.disturbance for one in measured.fast + measured.reference + measured.plain} == {QUIET}


def test_rounds_that_remain_disturbed_are_kept_and_marked(instant_rounds, monkeypatch):
    use_peak(monkeypatch, Peak(1e12, QUIET))
    use_meter(monkeypatch, *[QUIET] * 3, *[QUIET, busy(1.2), QUIET] * 4)
    (measured,) = compare_pipelines([CASE], TINY_SPEC, CPU)
    assert str(measured.disturbed) == "1 of 2 rounds (other processes used 1.2 cores)"
    assert [one.disturbance for one in measured.plain] == [QUIET, busy(1.2)]


@pytest.mark.parametrize(
    ("step_seconds", "expected"), [(0.01, (400 * 8, 5)), (1.0, (4 * 8, 5)), (4.0, (2 * 8, 3)), (60.0, (2 * 8, 3))]
)
def test_fast_steps_make_long_rounds_and_slow_steps_few_rounds(step_seconds, expected):
    speeds = itertools.cycle([8 / step_seconds, 4 / step_seconds])
    way = Way("fast", "fp32", lambda *_: Round(next(speeds), 0.0))
    assert plan_rounds(way, make_dataset(train_images=16).train, 5, 4.0) == expected


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
