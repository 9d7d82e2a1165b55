"""Accelerations that fail, on the CPU: the case is trained without them, and its record says so."""

import contextlib
import json
import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from harness.data.images import ImageSet
from harness.training.context import TrainingContext
from harness.training.train import train
from harness.training.trainers import cuda_graph, fast, step_changes, verification
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.step_changes import preserved
from harness.training.trainers.verification import TOLERANCES
from tests.helpers.captures import GPU, Replaying
from tests.helpers.networks import Drawing, own_case
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, first_batch, make_case, make_dataset
from tests.helpers.training import compare_steps, interrupt, outcome, train_recorded

OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB"


def test_the_state_is_copied_once_at_a_time(tiny_dataset, capture_with, monkeypatch):
    """A second copy of it would cost memory, and a GPU's peak is measured here."""
    depth, depths = [0], []

    @contextlib.contextmanager
    def counted(tensors):
        depth[0] += 1
        depths.append(depth[0])
        with preserved(tensors) as kept:
            yield kept
        depth[0] -= 1

    for module in (step_changes, verification, cuda_graph):
        monkeypatch.setattr(module, "preserved", counted)
    capture_with(Replaying)
    FastTrainer(make_case(tiny_dataset, precision="bf16"), TINY_SPEC, CPU).warm_up(tiny_dataset.train)
    assert set(depths) == {1}


def trained(dataset, results, **changes):
    """Train the tiny case; return it, its result, its notices and its outcome."""
    case = make_case(dataset, **changes)
    result, recorder = train_recorded(case, dataset, results)
    assert result.is_complete
    return case, result, recorder.notices


@pytest.fixture(scope="module")
def plain(tiny_dataset, tiny_folder, tiny_result):
    """The outcome of the tiny case without any acceleration."""
    return outcome(tiny_result.case, tiny_folder)


class Refused(Replaying):
    """A capture that raises after a step, as in a stream that captures: its stream stays the current one."""

    error = RuntimeError("operation not permitted when stream is capturing")

    def _capture(self, step, batch, labels):
        step(batch, labels)
        torch.cuda.set_stream("aside")
        raise self.error


class WithoutMemory(Refused):
    error = torch.OutOfMemoryError(OUT_OF_MEMORY)


class PartialRefused(Replaying):
    """A capture of which only that of the partial batch raises: the other shares its memory."""

    def _capture(self, step, batch, labels):
        if len(labels) < 8:
            raise RuntimeError("no second graph")
        return super()._capture(step, batch, labels)


class Stale(Replaying):
    """A replay that does not read its batch, but the one that was captured."""

    def _capture(self, step, batch, labels):
        self.captured_batch = batch.clone()
        return super()._capture(step, batch, labels)

    def replay(self, step, batch, labels):
        step(self.captured_batch[: len(labels)], labels)


class FixedRate(Replaying):
    """A replay at the learning rate of the capture."""

    def _capture(self, step, batch, labels):
        captured = super()._capture(step, batch, labels)
        self.rate = step.__self__.optimizer.param_groups[0]["lr"]
        return captured

    def replay(self, step, batch, labels):
        (group,) = step.__self__.optimizer.param_groups
        now, group["lr"] = group["lr"], self.rate
        step(batch, labels)
        group["lr"] = now


CAPTURES = {
    Refused: "its step raised RuntimeError: operation not permitted when stream is capturing",
    WithoutMemory: "it ran out of memory",
    PartialRefused: "its step raised RuntimeError: no second graph",
    Stale: "its step differs from the plain one by ",
    FixedRate: "its step differs from the plain one by ",
}


@pytest.mark.parametrize("kind", CAPTURES)
def test_a_case_whose_capture_fails_is_trained_without(kind, tiny_dataset, results, plain, capture_with):
    state = capture_with(kind)
    case, result, notices = trained(tiny_dataset, results)
    (reason,) = result.switched_off.values()
    assert reason.startswith(CAPTURES[kind])
    assert notices == [f"trained without capture: {reason}"]
    stored = json.loads((results.folder(case) / "result.json").read_text())
    assert stored["switched_off"] == {"capture": reason}
    assert outcome(case, results) == plain
    assert (state["stream"], state["mode"]) == ("current", "default")
    assert state["generator"].resets == ("raised" in reason or "memory" in reason)


def test_a_failed_capture_leaves_no_graph_and_no_gradient(tiny_dataset, capture_with):
    capture_with(PartialRefused)
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    captured = trainer._captured
    trainer.warm_up(tiny_dataset.train)
    assert (captured._captures, captured._stream, trainer._captured) == ({}, None, None)
    assert all(one.grad is None for one in trainer.network.parameters())


def test_a_capture_that_works_is_used_and_leaves_no_trace(tiny_dataset, results, plain, capture_with):
    capture_with(Replaying)
    random_state = torch.get_rng_state()
    case, result, notices = trained(tiny_dataset, results)
    assert (result.switched_off, notices) == ({}, [])
    assert outcome(case, results) == plain
    assert torch.equal(torch.get_rng_state(), random_state)


def test_other_draws_of_a_network_are_no_difference(tiny_dataset, monkeypatch):
    def drawing_first(network, **_):
        return lambda batch: network(batch + 0 * torch.rand(1))

    monkeypatch.setattr(torch, "compile", drawing_first)
    trainer = FastTrainer(own_case(tiny_dataset, Drawing, compiled=True), TINY_SPEC, CPU)
    plain = FastTrainer(own_case(tiny_dataset, Drawing), TINY_SPEC, CPU)
    batch = first_batch(tiny_dataset)
    assert not compare_steps(trainer, plain, *batch).is_within(TOLERANCES["bf16"])
    trainer.warm_up(tiny_dataset.train)
    assert trainer.switched_off == {}


def wrong_by(factor):
    """Return a cross-entropy that is wrong by a factor in every step at bf16."""
    right = functional.cross_entropy

    def cross_entropy(*given, **options):
        return right(*given, **options) * (factor if torch.is_autocast_enabled("cpu") else 1)

    return cross_entropy


@pytest.mark.parametrize(("factor", "is_off"), [(1.1, True), (0.9, True), (math.nan, True), (1, False)])
def test_bf16_that_is_wrong_is_switched_off(factor, is_off, tiny_dataset, results, plain, monkeypatch):
    monkeypatch.setattr(fast.functional, "cross_entropy", wrong_by(factor))
    case, result, notices = trained(tiny_dataset, results, precision="bf16")
    assert [*result.switched_off] == ["bf16"] * is_off
    assert len(notices) == is_off
    assert (outcome(case, results)["weights"] == plain["weights"]) == is_off


def at_64_pixels(model, **changes):
    """Return a trainer of a model that is too deep for the tiny dataset's 8 pixels, and its images."""
    dataset = make_dataset(size=64)
    case = make_case(dataset, model=model, recipe=replace(TINY_RECIPE, image_size=64), **changes)
    return FastTrainer(case, dataset.spec, CPU), dataset.train


@pytest.mark.parametrize(
    ("model", "factor", "is_off"),
    [
        ("resnet8", 1.0, False),
        ("resnet8", 1.1, True),
        ("resnet50", 1.0, False),
        ("resnet50", 1.1, False),
        ("resnet50", 1.5, True),
        ("resnet50", -1.0, True),
    ],
)
def test_a_gradient_may_turn_only_if_rounded_weights_turn_it(model, factor, is_off):
    """An untrained ResNet-50 does so: plain bf16 turns its first gradient by more than the tolerance."""
    trainer, images = at_64_pixels(model, precision="bf16")
    for weight in trainer.network.parameters():
        weight.register_hook(lambda gradient: gradient * (factor if trainer.precision == "bf16" else 1))
    trainer.warm_up(images)
    assert [*trainer.switched_off] == ["bf16"] * is_off


@pytest.mark.slow
@pytest.mark.parametrize(("model", "is_off"), [("resnet8", False), ("resnet152", False), ("resnet8", True)])
def test_a_compiled_step_may_round_in_another_way(model, is_off, monkeypatch):
    """Rounding turns the first gradient of an untrained ResNet-152 by more than the tolerance, at fp32 too."""
    error = 2.0**-22 * (2**14 if is_off else 1)
    monkeypatch.setattr(
        torch, "compile", lambda network, **_: lambda batch: network(batch * (1 + error * torch.sin(1e3 * batch)))
    )
    trainer, images = at_64_pixels(model, compiled=True)
    trainer.warm_up(images)
    assert [*trainer.switched_off] == ["compile"] * is_off


def test_a_sensitive_network_is_checked_by_its_loss_as_any_other(monkeypatch):
    monkeypatch.setattr(fast.functional, "cross_entropy", wrong_by(1.1))
    trainer, images = at_64_pixels("resnet50", precision="bf16")
    trainer.warm_up(images)
    assert [*trainer.switched_off] == ["bf16"]


def test_bf16_is_compared_on_fewer_images_if_fp32_lacks_memory(tiny_dataset, monkeypatch):
    trainer = FastTrainer(make_case(tiny_dataset, precision="bf16"), TINY_SPEC, CPU)
    compute, sizes = trainer._compute, []

    def limited(batch, labels):
        sizes.append((trainer.precision, len(labels)))
        if trainer.precision == "fp32" and len(labels) > 4:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)
        compute(batch, labels)

    monkeypatch.setattr(trainer, "_compute", limited)
    trainer.warm_up(tiny_dataset.train)
    assert sizes == [("fp32", 8), ("fp32", 4), ("bf16", 4)]
    assert (trainer.switched_off, trainer.precision) == ({}, "bf16")


def refuse(_):
    raise RuntimeError("unsupported operator")


def lack_memory(_):
    raise torch.OutOfMemoryError(OUT_OF_MEMORY)


COMPILED = {
    "raises": (lambda _: refuse, "its step raised RuntimeError: unsupported operator"),
    "lacks memory": (lambda _: lack_memory, "it ran out of memory"),
    "is wrong": (lambda network: lambda batch: 1.1 * network(batch), "its step differs from the plain one by"),
}


@pytest.mark.parametrize("fault", COMPILED)
def test_a_case_whose_compiled_step_fails_is_trained_without(fault, tiny_dataset, results, plain, monkeypatch):
    compiled, reason = COMPILED[fault]
    monkeypatch.setattr(torch, "compile", lambda network, **_: compiled(network))
    case, result, _ = trained(tiny_dataset, results, compiled=True)
    assert result.switched_off["compile"].startswith(reason)
    assert outcome(case, results) == plain


def test_images_that_do_not_fit_on_the_gpu_are_streamed(tiny_dataset, results, plain, monkeypatch):
    place = FastTrainer.place

    def place_on_gpu(self, images, name="train"):
        self.device = GPU
        try:
            return place(self, images, name)
        finally:
            self.device = CPU
            vars(self).pop("_image_stream", None)  # the one of the GPU

    def no_room(*_):
        raise torch.OutOfMemoryError(OUT_OF_MEMORY)

    monkeypatch.setattr(FastTrainer, "place", place_on_gpu)
    monkeypatch.setattr(fast.ImageStream, "why_not_pinned", lambda *_: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (2**40, 2**40))
    to = ImageSet.to
    monkeypatch.setattr(ImageSet, "to", lambda self, device: to(self, device) if device == CPU else no_room())
    case, result, _ = trained(tiny_dataset, results)
    assert result.switched_off == {"resident": "the images did not fit beside the network"}
    assert outcome(case, results) == plain


def test_resident_images_that_differ_are_streamed_instead(tiny_dataset, results, plain, monkeypatch):
    def place(self, images, name="train"):
        if name != "train" or "resident" in self.switched_off:
            return images
        self._streamed = images
        return replace(images, pixels=images.pixels.flip(0))

    monkeypatch.setattr(FastTrainer, "place", place)
    case, result, _ = trained(tiny_dataset, results)
    assert result.switched_off == {"resident": "its first batch differs from the streamed one"}
    assert outcome(case, results) == plain


@pytest.fixture
def memory_lasts(monkeypatch):
    """Return a function that sets in which epoch, and with which trainers, training runs out of memory."""
    train_epoch = FastTrainer.train_epoch

    def install(epoch, is_short):
        def limited(self, images, number, *arguments):
            if number == epoch and is_short(self):
                raise torch.OutOfMemoryError(OUT_OF_MEMORY)
            return train_epoch(self, images, number, *arguments)

        monkeypatch.setattr(FastTrainer, "train_epoch", limited)

    return install


def test_a_case_out_of_memory_is_resumed_in_the_plain_way(
    tiny_dataset,
    results,
    plain,
    capture_with,
    memory_lasts,
):
    capture_with(Replaying)
    memory_lasts(1, lambda trainer: trainer._captured is not None)
    case, result, notices = trained(tiny_dataset, results)
    reason = "the training ran out of memory with it"
    assert result.switched_off == {"capture": reason}
    assert f"trained without capture: {reason}" in notices
    assert [attempt.first_epoch for attempt in result.attempts] == [1, 2]
    assert result.changes_between_attempts == ("with all accelerations → without capture",)
    assert outcome(case, results) == plain


def test_a_plain_case_out_of_memory_is_not_trained_again(tiny_dataset, results, capture_with, memory_lasts):
    capture_with(Replaying)
    asked = []
    memory_lasts(0, lambda trainer: asked.append(trainer._captured is not None) or True)
    result, _ = train_recorded(make_case(tiny_dataset), tiny_dataset, results)
    assert (result.status, asked) == ("out_of_memory", [True, False])


def test_a_capture_without_memory_beside_other_cases_is_no_verdict(tiny_dataset, results, capture_with):
    capture_with(WithoutMemory)
    context = TrainingContext(shares_memory=True)
    result = train(make_case(tiny_dataset), tiny_dataset, results, CPU, context=context)
    assert (result.status, dict(result.switched_off)) == ("out_of_memory", {})


def test_a_change_of_what_is_switched_off_is_notified(tiny_dataset, results, capture_with):
    capture_with(Replaying)
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 2)
    capture_with(Stale)
    result, recorder = train_recorded(case, tiny_dataset, results)
    change = "with all accelerations → without capture"
    assert f"resumed with a change, {change}: the times of its epochs are no longer comparable" in recorder.notices
    assert result.changes_between_attempts == (change,)
    assert [*result.switched_off] == ["capture"]


def test_what_was_switched_off_stays_off_when_the_case_is_resumed(tiny_dataset, results, capture_with):
    capture_with(Stale)
    case = make_case(tiny_dataset)
    interrupt(case, tiny_dataset, results, 2)
    capture_with(Replaying)
    result, _ = train_recorded(case, tiny_dataset, results)
    assert result.changes_between_attempts == ()
    assert [*result.switched_off] == ["capture"]


def test_a_resumed_case_is_verified_on_the_untrained_network(tiny_dataset, results, monkeypatch):
    verified = []

    def warm_up(trainer, _):
        verified.append({name: value.clone() for name, value in trainer.weights().items()})

    monkeypatch.setattr(FastTrainer, "warm_up", warm_up)
    case = make_case(tiny_dataset, precision="bf16")
    interrupt(case, tiny_dataset, results, 2)
    train_recorded(case, tiny_dataset, results)
    first, resumed = verified
    assert all(torch.equal(value, resumed[name]) for name, value in first.items())


def test_nothing_is_verified_where_nothing_is_in_use(tiny_dataset, monkeypatch):
    trainer = FastTrainer(make_case(tiny_dataset), TINY_SPEC, CPU)
    monkeypatch.setattr(trainer, "step", refuse)
    trainer.warm_up(tiny_dataset.train)
    assert trainer.switched_off == {}
