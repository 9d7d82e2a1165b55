"""Checks of single steps: warm-up, captured steps, bf16 and the optimizer."""

import torch
from torch import nn

from harness.hardware.stopwatch import Stopwatch
from harness.models.random_state import host_state
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject, difference, has_same_bits, state_of
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.trainer import make_optimizer

# The greatest difference after an epoch of few steps, relative to the largest value of a tensor: sums in another order
# grow apart by some 1e-5 in float32, and rounding to 8 bits by some per cent.
TOLERANCES = {"fp32": 1e-3, "bf16": 5e-2}
_TIMES_THE_FLOOR = 3  # where two runs of the same kind differ too
_UPDATE_TOLERANCE = 0.1  # of the norm of a step's update: bf16 has 8 bits of precision, 0.4 % per product
_OPTIMIZER_TOLERANCE = 1e-5


def warm_up_leaves_no_trace(subject: Subject) -> Outcome:
    """Compare weights, statistics, momentum, their places in memory and random states before and after a warm-up."""
    trainer = subject.trainer()
    before, places, drawn = state_of(trainer), _places(trainer), host_state()
    trainer.warm_up(len(subject.images))
    after = state_of(trainer)
    faults = {
        f"weights or momentum changed by {difference(after, before):.1e}": not has_same_bits(before, after),
        "tensors moved in memory": places != _places(trainer),
        "random numbers were drawn": drawn != host_state(),
    }
    found = [text for text, is_so in faults.items() if is_so]
    return passed_if(not found, ", ".join(found) or "the same bits in the same places, no random number drawn")


def captured_equals_eager(subject: Subject, precision: str) -> Outcome:
    """Compare an epoch of captured steps with one of eager steps."""
    captured = subject.trainer(precision=precision)
    if captured._captured is None:
        return not_applicable(f"steps are captured on CUDA only, not on {subject.device.type}")
    graphs = subject.trained(captured)
    eager, again = (subject.trained(subject.trainer(precision=precision, is_captured=False)) for _ in range(2))
    found, floor = difference(graphs, eager), difference(again, eager)
    text = f"relative difference {found:.1e} after an epoch (eager against eager {floor:.1e})"
    is_right = found <= max(TOLERANCES[precision], _TIMES_THE_FLOOR * floor)
    return passed_if(is_right, text, difference=found, eager_difference=floor)


def bf16_step_is_close_to_fp32(subject: Subject) -> Outcome:
    """Compare the update of one eager bf16 step with that of one fp32 step on the same batch."""
    updates = [_update(subject, precision) for precision in ("bf16", "fp32")]
    found = float((updates[0] - updates[1]).norm() / updates[1].norm())
    text = f"the update differs by {found:.1%} of its norm"
    return passed_if(0 < found <= _UPDATE_TOLERANCE, text if found else "bf16 computed fp32's bits", difference=found)


def fused_sgd_equals_plain(subject: Subject) -> Outcome:
    """Compare fused SGD, its learning rate a tensor on the device that changes midway, with plain SGD on the CPU."""
    network = subject.trainer().network
    gradients = [_random_like(network, seed) for seed in range(4)]
    fused = None if subject.device.type == "mps" else True
    rate = torch.tensor(subject.recipe.learning_rate, device=subject.device)
    ends = []
    for device, learning_rate, is_fused in ((subject.device, rate, fused), (torch.device("cpu"), None, False)):
        copy = subject.trainer().network.to(device)
        optimizer = make_optimizer(copy, subject.recipe, learning_rate=learning_rate, fused=is_fused)
        for step, values in enumerate(gradients):
            _set_learning_rate(optimizer, subject.recipe.learning_rate * (0.1 if step >= 2 else 1.0))
            for parameter, value in zip(copy.parameters(), values, strict=True):
                parameter.grad = value.to(device).to(memory_format=torch.preserve_format)
            optimizer.step()
        ends.append({name: value.detach().cpu() for name, value in copy.named_parameters()})
    found = difference(*ends)
    return passed_if(found <= _OPTIMIZER_TOLERANCE, f"relative difference {found:.1e} after 4 steps", difference=found)


def _places(trainer: FastTrainer) -> list[int]:
    return [tensor.data_ptr() for tensor in trainer._state()]


def _update(subject: Subject, precision: str) -> torch.Tensor:
    """Return the change of all weights in one eager step, as one vector of float64 on the CPU."""
    trainer = subject.trainer(precision=precision, is_captured=False)
    trainer.network.train()
    before = _vector(trainer.network)
    trainer.step(*subject.batch())
    return _vector(trainer.network) - before


def _vector(network: nn.Module) -> torch.Tensor:
    return torch.cat([value.detach().cpu().double().reshape(-1) for value in network.parameters()])


def _random_like(network: nn.Module, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(value.shape, generator=generator) for value in network.parameters()]


def _set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], torch.Tensor):
            group["lr"].fill_(value)
        else:
            group["lr"] = value
