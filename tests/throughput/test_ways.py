import pytest
import torch

from harness.hardware.device import computing_at
from harness.hardware.stopwatch import Stopwatch
from harness.throughput import ways as ways_module
from harness.throughput.pipelines import Round
from harness.throughput.ways import computing_at_torch_defaults, make_ways, reference_round
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import ReferenceTrainer
from tests.helpers.tiny import CPU, TINY_SPEC, make_case, make_dataset


@pytest.fixture
def images():
    return make_dataset(train_images=24).train


@pytest.fixture
def trainers(monkeypatch):
    """Trainers that are not built; the kind and the case of each, in order."""
    built = []
    for kind in ("FastTrainer", "PlainLoop", "ReferenceTrainer", "_DefaultReference"):

        class Trainer:
            def __init__(self, case, spec, device, kind=kind):
                self.case = case
                built.append((kind, case.precision, case.pipeline, case.compiled))

        monkeypatch.setattr(ways_module, kind, Trainer)
    return built


def test_the_reference_on_cuda_is_measured_at_torchs_defaults_too(trainers):
    cases = [make_case(make_dataset(), precision=precision, compiled=True) for precision in ("fp32", "bf16")]
    ways = make_ways(cases, TINY_SPEC, torch.device("cuda"))
    assert [way.key for way in ways] == [
        ("fast", "fp32"), ("plain", "fp32"), ("fast", "bf16"), ("plain", "bf16"), ("reference", "fp32"),
        ("reference_default", "default"),
    ]  # fmt: skip
    assert trainers[-2:] == [
        ("ReferenceTrainer", "fp32", "reference", False), ("_DefaultReference", "fp32", "reference", False),
    ]  # fmt: skip


def test_on_a_cpu_both_references_are_one(trainers):
    ways = make_ways([make_case(make_dataset())], TINY_SPEC, CPU)
    assert [way.key for way in ways] == [("fast", "fp32"), ("plain", "fp32"), ("reference", "fp32")]


def test_a_warm_up_reports_the_techniques_that_it_switched_off(images, monkeypatch):
    def warm_up(trainer, images):
        assert len(images) == 8
        trainer.switch_off("bf16", "its step differs")

    monkeypatch.setattr(FastTrainer, "warm_up", warm_up)
    fast, *_ = make_ways([make_case(make_dataset(), precision="bf16")], TINY_SPEC, CPU)
    assert fast.warm_up().switched_off == ("bf16: its step differs",)


def settings():
    cudnn = torch.backends.cudnn
    return [one.fp32_precision for one in (cudnn.conv, cudnn.rnn, torch.backends.cuda.matmul)]


def test_torchs_defaults_are_tf32_convolutions_and_fp32_matrix_products():
    before = settings()
    with computing_at_torch_defaults():
        assert settings() == ["tf32", "tf32", "ieee"]
    assert settings() == before


@pytest.mark.parametrize(("kind", "expected"), [(ReferenceTrainer, "ieee"), (ways_module._DefaultReference, "tf32")])
def test_each_reference_steps_at_its_own_precision(kind, expected, images):
    trainer = kind(make_case(make_dataset(), pipeline="reference"), TINY_SPEC, CPU)
    found = []
    trainer.network.register_forward_hook(lambda *_: found.append(settings()[0]))
    with computing_at("fp32"):
        trainer.step(images.pixels[:4].float(), images.labels[:4])
    assert found == [expected]


def test_reference_is_float32_when_the_fast_pipeline_is_bf16(images):
    ways = make_ways([make_case(make_dataset(), precision="bf16")], TINY_SPEC, CPU)
    assert [way.key for way in ways] == [("fast", "bf16"), ("plain", "bf16"), ("reference", "fp32")]
    assert all(way.measure(images, 0).images_per_second > 0 for way in ways[:2])


def test_first_batch_of_the_reference_is_not_counted(images, monkeypatch):
    now = iter([0.0, 100.0, 102.0])  # start, end of the first batch, end of the last batch
    monkeypatch.setattr(Stopwatch, "_now", lambda _: next(now))

    def train_epoch(images, epoch, watch, notify):
        watch.seconds = {"load": 90.0}
        notify(1 / 3)
        watch.seconds = {"load": 90.5}
        notify(2 / 3)
        notify(1.0)

    trainer = ReferenceTrainer(make_case(make_dataset(), pipeline="reference"), TINY_SPEC, CPU)
    monkeypatch.setattr(trainer, "train_epoch", train_epoch)
    assert reference_round(trainer, images, 0) == Round(16 / 2.0, 0.25)


def test_kept_memory_is_released_before_the_loaders_processes_start(images, monkeypatch):
    steps = []
    monkeypatch.setattr(ways_module, "release_freed_memory", steps.append)
    trainer = ReferenceTrainer(make_case(make_dataset(), pipeline="reference"), TINY_SPEC, CPU)
    loader = trainer._loader
    monkeypatch.setattr(trainer, "_loader", lambda *args, **kw: steps.append("loader") or loader(*args, **kw))
    reference_round(trainer, images, 0)
    assert steps == [CPU, "loader"]
