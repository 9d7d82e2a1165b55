"""A trial step of a foreign network, which shows how it can be trained, or why not.

It is built and run on the CPU with two images, before anything is trained.
"""

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import is_lazy

from harness.config.families import Model
from harness.errors import InputError
from harness.hardware.memory import is_out_of_memory
from harness.models.build import build_network
from harness.models.cost import macs_note
from harness.models.foreign import builder_of, raised
from harness.models.logits import described
from harness.models.random_state import own_generators, seed_own, seeded

_MAX_NOTE_CHARACTERS = 60  # of a message in a note
_SIZES = (32, 40, 48, 64, 96, 128, 224, 299)
# Those that a checkpoint can hold.
_BUFFER_TYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """The findings of a trial step.

    Attributes:
        memory_format: of images and weights in the fast pipeline.
        notes: remarks on the network, as in `Result.notes`.
    """

    memory_format: torch.memory_format = torch.channels_last
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """A network for images of a shape (C, S, S) and a number of classes."""

    model: Model
    shape: tuple[int, int, int]
    num_classes: int

    def build(self, memory_format: torch.memory_format = torch.contiguous_format) -> nn.Module:
        """Build it on the CPU, always with the same weights."""
        network = build_network(self.model, self.shape[0], self.num_classes, seed=0)
        return network if memory_format is torch.contiguous_format else network.to(memory_format=memory_format)

    def refuse(self, why: str) -> InputError:
        """Return the error that refuses it."""
        return _refusal(self.model, why)


def _refusal(model: Model, why: str) -> InputError:
    return InputError(f"model {model.name}: {why}")


@functools.lru_cache(maxsize=256)
def trial_of(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> Trial:
    """Return the trial of a network on images of that shape (C, H, W); one of the harness's needs none.

    Raises:
        InputError: the network cannot be trained on such images. The message says why in one or two lines.
    """
    if not model.is_foreign:
        return Trial()
    asked = _Asked(model, image_shape, num_classes)
    with seeded(0), torch.enable_grad():
        images = torch.randn(2, *image_shape)
        first, memory_format, notes = _first_step(asked, images)
        network = asked.build(memory_format)
        if network is first.network:
            raise asked.refuse(f"{builder_of(model)} returns the same network each time: it must build a new one")
        notes += _step_notes(first, _step(asked, network, images.contiguous(memory_format=memory_format)))
        _require_one_image(asked, network, images[:1].contiguous(memory_format=memory_format))
    return Trial(memory_format, tuple(notes))


def network_notes(model: Model, image_shape: tuple[int, int, int], num_classes: int) -> tuple[str, ...]:
    """Return the notes on a network: those of its trial, and the one on its count of MACs.

    Raises:
        InputError: as `trial_of` does.
    """
    if not model.is_foreign:
        return ()
    notes = (*trial_of(model, image_shape, num_classes).notes, macs_note(model, image_shape, num_classes))
    return tuple(note for note in notes if note is not None)


def _require_trainable_state(asked: _Asked, network: nn.Module) -> None:
    """Raise an `InputError` for parameters and buffers that cannot be trained or saved."""
    state = network.state_dict()
    if odd := next((name for name, value in state.items() if not isinstance(value, Tensor)), None):
        raise asked.refuse(f"its state {odd!r} is no tensor, which a checkpoint cannot hold")
    if lazy := next((name for name, value in state.items() if is_lazy(value)), None):
        raise asked.refuse(f"its parameter {lazy!r} is of a lazy layer: give the layer its input size")
    parameters = dict(network.named_parameters())
    for name, value in state.items():
        allowed = (torch.float32,) if name in parameters else _BUFFER_TYPES
        if value.dtype not in allowed:
            kind = "parameter" if name in parameters else "buffer"
            raise asked.refuse(f"its {kind} {name!r} is {str(value.dtype)[6:]}: make it float32")
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise asked.refuse("it has no trainable parameters")


def _first_step(asked: _Asked, images: Tensor) -> tuple["_Step", torch.memory_format, list[str]]:
    """Run a step in channels_last, or in the contiguous format with a note if that fails.

    Raises:
        InputError: it can take a step in neither, or its state cannot be trained or saved.
    """
    network = asked.build()
    _require_trainable_state(asked, network)
    try:
        network = network.to(memory_format=torch.channels_last)
        step = _step(asked, network, images.contiguous(memory_format=torch.channels_last))
    except Exception as error:
        _pass_on(error)
        try:
            step = _step(asked, asked.build(), images)
        except Exception as plain:
            _pass_on(plain)
            raise _reason(asked, plain) from plain
        note = f"trained in the contiguous memory format, as channels_last raised {raised(error, _MAX_NOTE_CHARACTERS)}"
        return step, torch.contiguous_format, [note]
    return step, torch.channels_last, []


def _pass_on(error: Exception) -> None:
    if isinstance(error, InputError) or is_out_of_memory(error):
        raise error


@dataclass(frozen=True)
class _Step:
    """A training step without an optimizer.

    Attributes:
        output: of the network, before its logits are selected.
        logits: (N, classes).
    """

    network: nn.Module
    output: Any
    logits: Tensor


def _step(asked: _Asked, network: nn.Module, images: Tensor) -> _Step:
    """Run a training step on images (N, C, S, S).

    Raises:
        InputError: the logits have a wrong shape, or the step changes state that a checkpoint does not hold.
    """
    before, outputs = _unsaved_state(network), list[Any]()
    spy = network.register_forward_hook(lambda *seen: outputs.append(seen[2]), prepend=True)
    with seeded(1):
        seed_own(own_generators(network), 1)
        logits = network.train()(images.clone(memory_format=torch.preserve_format))
        spy.remove()
        require_logits(asked.model, logits, len(images), asked.num_classes)
        functional.cross_entropy(logits, torch.zeros(len(images), dtype=torch.int64)).backward()  # type: ignore[no-untyped-call]
    after = _unsaved_state(network)
    if changed := [name for name in before if name in after and not _are_equal(before[name], after[name])]:
        raise asked.refuse(
            f"{changed[0]!r} changes in training, but is not saved with its state: a resumed case would differ\n"
            "register it as a persistent buffer"
        )
    return _Step(network, outputs[0], logits.detach())


def require_logits(model: Model, logits: Any, images: int, num_classes: int) -> None:
    """Raise an `InputError` unless a network's output for so many images is logits (N, num_classes)."""
    wanted = f"(N, {num_classes})"
    if not isinstance(logits, Tensor):
        raise _refusal(model, f"it returns a {type(logits).__name__}: it must return logits {wanted}")
    if tuple(logits.shape) == (images, num_classes) and logits.is_floating_point():
        return
    if logits.dim() == 2 and len(logits) == images and logits.shape[1] != num_classes:
        raise _refusal(
            model,
            f"it returns logits for {logits.shape[1]} classes, the images have {num_classes}: does {builder_of(model)} "
            "use num_classes?",
        )
    kind = "" if logits.is_floating_point() else f" {str(logits.dtype)[6:]}"
    count = f"{images} image{'s' * (images > 1)}"
    raise _refusal(model, f"it returns{kind} logits {tuple(logits.shape)} for {count}: they must be {wanted}")


def _reason(asked: _Asked, error: Exception) -> InputError:
    """Return the error of a step that failed: the image size that it needs, or what it raised."""
    channels, size, _ = asked.shape
    larger = [one for one in _SIZES if one > size]
    for number, one in enumerate(larger):
        if _takes(asked, one):
            more = " or more" if number + 1 == len(larger) or _takes(asked, larger[number + 1]) else ""
            return InputError(
                f"{asked.model.name} cannot take {size}×{size} images: give the recipe image_size={one}{more}"
            )
    smaller = next((one for one in _SIZES if one < size and _takes(asked, one)), None)
    remedy = "" if smaller is None else f"\nit takes {smaller}×{smaller}: give the recipe image_size={smaller}"
    return asked.refuse(f"a training step on {channels}×{size}×{size} images raised {raised(error)}{remedy}")


def _takes(asked: _Asked, size: int) -> bool:
    """Return whether the network takes images of that size, without memory if it can do without."""
    for device in ("meta", "cpu"):
        network = build_network(asked.model, asked.shape[0], asked.num_classes, seed=0, device=device).train()
        try:
            images = torch.zeros(2, asked.shape[0], size, size, device=next(network.parameters()).device)
            require_logits(asked.model, network(images), len(images), asked.num_classes)
        except Exception as error:
            if device == "meta" and "meta" in str(error).lower():
                continue  # it computes with values
            return False
        return True
    return False


def _step_notes(first: _Step, second: _Step) -> list[str]:
    """Return the notes on two steps of the same network from the same seed."""
    notes = [note for note in [described(first.output)] if note is not None]
    if not first.logits.isfinite().all():
        notes.append("its logits are not finite at initialisation")
    if not _are_equal(first.logits, second.logits):
        notes.append("its outputs differ from run to run with the same seed: no case of it can be repeated exactly")
    return notes


def _are_equal(one: Tensor | float, other: Tensor | float) -> bool:
    """Return whether two tensors or numbers have the same values, not-a-number among them."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor):  # an int may be too large for a tensor
        return type(one) is type(other) and bool(one == other or (one != one and other != other))
    return one.shape == other.shape and bool(((one == other) | ((one != one) & (other != other))).all())


def _unsaved_state(network: nn.Module) -> dict[str, Tensor | float]:
    """Return copies of the buffers and numbers that modules hold outside their state, by name."""
    saved, found = network.state_dict().keys(), dict[str, Tensor | float]()
    for path, module in network.named_modules():
        prefix = f"{path}." if path else ""
        buffers = module.named_buffers(recurse=False)
        found |= {prefix + name: value.clone() for name, value in buffers if prefix + name not in saved}
        numbers = ((name, value) for name, value in vars(module).items() if isinstance(value, int | float))
        found |= {prefix + name: value for name, value in numbers if name != "training"}
    return found


def _require_one_image(asked: _Asked, network: nn.Module, image: Tensor) -> None:
    """Raise an `InputError` unless the network can evaluate a batch of one."""
    try:
        with torch.no_grad():
            logits = network.eval()(image)
    except Exception as error:
        _pass_on(error)
        raise asked.refuse(f"evaluating one image raised {raised(error)}") from error
    require_logits(asked.model, logits, 1, asked.num_classes)
