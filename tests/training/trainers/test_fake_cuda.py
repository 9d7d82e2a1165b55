"""The pipelines on fake CUDA: no devices mixed, no waits in a step, the known ones counted, memory bounded."""

import math
from dataclasses import replace

import pytest
import torch

from harness.config.recipes import CIFAR10
from harness.paper.published import STUDY_MODELS
from harness.training.trainers import cuda_graph, reference
from tests.helpers.fake_training import cuda_case, pass_through
from tests.helpers.networks import Drawing, Waiting, own_case
from tests.helpers.tiny import TINY_SPEC, make_dataset

FAST, EVALUATION = "training/trainers/fast.py", "training/trainers/evaluation.py"
READ, TO_CPU, TO_GPU = "read of a value", "copy to the CPU", "blocking copy to the GPU"
PUBLISHED = [(name, model) for name in ("cifar10", "fashionmnist", "gtsrb") for model in STUDY_MODELS[name]]
# The deeper ones repeat their blocks; other tests here and those of the faults have grey images.
OFTEN = {("cifar10", "resnet20-2"): (), ("gtsrb", "resnet24"): pytest.mark.slow}  # one of each family
FAMILIES = [("preresnet8", "fp32"), ("wrn10", "bf16"), ("plain8", "bf16"), ("torchvision:squeezenet1_1", "bf16")]


@pytest.fixture(autouse=True)
def one_warm_up_step(monkeypatch):
    """One step before a capture, not three: they are alike, and take time."""
    monkeypatch.setattr(cuda_graph, "_WARM_UP_STEPS", 1)


def check_waits(done, copies=2):
    """Check that the host waits for the device at an epoch's end and an evaluation's, and nowhere else.

    Args:
        copies: to the CPU at an evaluation's end: predictions, labels of images on the GPU, and logits if asked for.
    """
    cuda = done.cuda
    assert done.trainer.switched_off == {}
    assert cuda.waits_in("load") == cuda.waits_in("train") == cuda.waits_in("capture") == {}
    assert cuda.waits_in("epoch") == {(READ, f"{FAST}:train_epoch"): 2}
    copied = {(TO_CPU, f"{EVALUATION}:evaluation"): copies}
    assert cuda.waits_in("evaluate") == {**copied, (READ, f"{FAST}:_evaluate"): 1}


def check_memory(done):
    """Check that the peak is a step's: augmenting, evaluating and verifying take hardly more."""
    peak = done.cuda.peak_bytes
    assert max(peak["load"], peak["train"], peak["evaluate"], done.peak_memory_bytes) <= 1.1 * peak["capture"]
    assert peak["load"] - peak["epoch"] < 100 * 2**20  # 1.4 GiB with chunks of 256 MiB


@pytest.mark.parametrize(
    ("dataset", "model"),
    [pytest.param(*one, marks=OFTEN.get(one, pytest.mark.release)) for one in PUBLISHED],
)
def test_published_case_waits_only_at_an_epochs_end(dataset, model):
    done = pass_through(cuda_case(dataset, model))
    check_waits(done)
    check_memory(done)
    steps = math.ceil(done.images / done.trainer.recipe.batch_size)
    assert done.cuda.kernels["train", "replay"] == steps
    assert done.cuda.launches["train"] == 3 * steps  # two copies into the graph's memory, and its replay
    assert done.cuda.graphs == 2  # full batches, and the partial one


def test_logits_are_copied_from_the_device_once_if_asked_for():
    check_waits(pass_through(cuda_case("digits", "resnet8"), images=70, with_logits=True), copies=3)


@pytest.mark.parametrize(("model", "precision"), FAMILIES)
def test_other_families_wait_only_at_an_epochs_end(model, precision):
    done = pass_through(cuda_case("cifar10", model, precision=precision))
    check_waits(done)
    assert done.trainer.notes == []
    assert done.cuda.kernels["train", "replay"] == 11


def test_own_network_with_dropout_is_captured():
    case = replace(own_case(make_dataset(), Drawing), device_kind="cuda", precision="bf16")
    done = pass_through(case, TINY_SPEC, images=30)
    check_waits(done)
    assert done.trainer.notes == []
    assert done.cuda.kernels["train", "replay"] == 4


def test_own_network_that_waits_is_trained_step_by_step():
    case = replace(own_case(make_dataset(), Waiting), device_kind="cuda", precision="fp32")
    done = pass_through(case, TINY_SPEC, images=30)
    assert "called a synchronizing CUDA operation" in done.trainer.switched_off["capture"]
    assert done.cuda.graphs == 0
    assert done.cuda.waits_in("train") == {(READ, f"{FAST}:_compute"): 4}


def test_reference_pipeline_waits_twice_per_step(monkeypatch):
    monkeypatch.setattr(reference, "worker_count", lambda: 0)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    case = cuda_case("digits", "resnet8", pipeline="reference", precision="fp32")
    done = pass_through(case, images=70)
    place = "training/trainers/reference.py"
    assert done.cuda.waits_in("train") == {(READ, f"{place}:step"): 6, (TO_GPU, f"{place}:train_epoch"): 6}


@pytest.mark.parametrize("dataset", ["cifar10", "gtsrb"])
def test_streamed_images_are_pinned_and_copied_while_others_train(dataset):
    done = pass_through(cuda_case(dataset, "resnet8", precision="fp32"), total_bytes=2**20)
    check_waits(done, copies=1)
    assert done.trainer.notes == []
    copies = done.cuda.copies
    assert copies["load", "pinned", "side"] == copies["train", "pinned", "side"] == 2  # pixels and labels of a chunk
    assert copies["evaluate", "pinned", "side"] > 0


def test_images_without_pinned_memory_are_streamed_all_the_same(monkeypatch):
    empty = torch.empty

    def refuse(*shape, pin_memory=False, **options):
        if pin_memory:
            raise RuntimeError("CUDA error: out of memory")
        return empty(*shape, **options)

    monkeypatch.setattr(torch, "empty", refuse)
    done = pass_through(cuda_case("digits", "resnet8", precision="fp32"), images=70, total_bytes=2**10)
    check_waits(done, copies=1)
    (note,) = done.trainer.notes
    assert note.startswith("images copied to the GPU without pinned memory, which raised RuntimeError: CUDA error:")
    assert done.cuda.copies["load", "pinned", "side"] == 0
    assert done.cuda.copies["load", "pageable", "side"] == 2


def test_images_of_a_small_share_of_the_memory_stay_on_the_gpu():
    done = pass_through(cuda_case("digits", "resnet8"), images=70)
    assert {stream for phase, _, stream in done.cuda.copies if phase != "warm-up"} == {"current"}
    assert done.cuda.waits_in("place") == {(TO_GPU, "data/images.py:to"): 2}


def test_recipe_of_cifar10_has_ten_batches_a_chunk():
    assert pass_through(cuda_case("cifar10", "resnet8")).images == 10 * CIFAR10.batch_size + 5
