"""Checks of single steps: warm-up, captured steps, bf16 and the optimizer."""

import itertools

import torch
from torch import nn

from harness.models.random_state import host_state
from harness.throughput.doctor.findings import Outcome, not_applicable, passed_if
from harness.throughput.doctor.subject import Subject
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.step_changes import changes_of_step, difference
from harness.training.trainers.trainer import make_optimizer
from harness.training.trainers.verification import differs_by_rounding_only

# The greatest difference of two trained states (`Subject.difference`). A change of every weight's last bit grows to
# 0.005 in float32 at the checks' learning rate.
TOLERANCES = {"fp32": 0.05, "bf16": 0.3}
_TIMES_THE_FLOOR = 3  # where two runs of the same kind differ too
_OPTIMIZER_TOLERANCE = 1e-5


def warm_up_leaves_no_trace(subject: Subject) -> Outcome:
    """Compare weights, statistics, momentum, their places in memory and random states around it."""
    trainer = subject.trainer()
    before, places, drawn = _copies(trainer), _places(trainer), host_state()
    subject.warmed_up(trainer)
    faults = {
        "weights, statistics or momentum changed": not all(map(torch.equal, before, _copies(trainer))),
        "tensors moved in memory": places != _places(trainer),
        "random numbers were drawn": drawn != host_state(),
    }
    found = [text for text, is_so in faults.items() if is_so]
    return passed_if(not found, ", ".join(found) or "the same bits in the same places, no random number drawn")


def captured_equals_eager(subject: Subject, precision: str) -> Outcome:
    """Compare two epochs of captured steps with two of eager steps."""
    captured = subject.trainer(precision=precision)
    if captured._captured is None:
        return not_applicable(f"steps are captured on CUDA only, not on {subject.device.type}")
    epochs = range(2)  # the second at another learning rate, which a replay must read
    graphs = subject.trained(captured, epochs)
    eager, again = (subject.trained(subject.trainer(precision=precision, is_captured=False), epochs) for _ in range(2))
    found, floor = subject.difference(graphs, eager), subject.difference(again, eager)
    text = f"relative difference {found:.1e} after two epochs (eager against eager {floor:.1e})"
    is_right = found <= max(TOLERANCES[precision], _TIMES_THE_FLOOR * floor)
    return passed_if(is_right, text, difference=found, eager_difference=floor)


def bf16_step_is_close_to_fp32(subject: Subject) -> Outcome:
    """Compare the changes that one eager bf16 step makes with those of an fp32 step on the same batch."""
    bf16, fp32 = (subject.trainer(precision=precision, is_captured=False) for precision in ("bf16", "fp32"))
    for trainer in (bf16, fp32):
        trainer.network.train()
    batch = subject.batch()
    expected, found = (changes_of_step(trainer, *batch) for trainer in (fp32, bf16))
    differs = difference(expected, found)
    text = f"changes differ by {differs}" if differs.direction else "bf16 computed the bits of fp32"
    is_right = differs.direction > 0 and differs_by_rounding_only(expected, found, "bf16", fp32, batch)
    return passed_if(is_right, text, size_difference=differs.size, direction_difference=differs.direction)


def fused_sgd_equals_plain(subject: Subject) -> Outcome:
    """Compare the pipeline's optimizer, whose learning rate changes midway, with plain SGD on the CPU."""
    trainer, recipe = subject.trainer(), subject.recipe
    plain_network = subject.trainer().network.cpu()
    plain = make_optimizer(plain_network, recipe, fused=False)
    for seed in range(4):
        epoch = seed // 2
        trainer._set_learning_rate(epoch)
        plain.param_groups[0]["lr"] = recipe.learning_rate_at(epoch)
        for network, optimizer in ((trainer.network, trainer.optimizer), (plain_network, plain)):
            _set_random_gradients(network, seed)
            optimizer.step()
    found = subject.difference(_weights_of(trainer.network), _weights_of(plain_network))
    return passed_if(found <= _OPTIMIZER_TOLERANCE, f"relative difference {found:.1e} after 4 steps", difference=found)


def _copies(trainer: FastTrainer) -> list[torch.Tensor]:
    return [tensor.detach().cpu().clone() for tensor in itertools.chain(*_learned(trainer).values())]


def _places(trainer: FastTrainer) -> list[int]:
    return [tensor.data_ptr() for tensor in itertools.chain(*_learned(trainer).values())]


def _learned(trainer: FastTrainer) -> dict[str, list[torch.Tensor]]:
    """Return what a step changes, except the sums of an epoch, which each epoch resets."""
    return {name: part for name, part in trainer.state_by_part().items() if name not in ("loss", "correct")}


def _set_random_gradients(network: nn.Module, seed: int) -> None:
    """Give each parameter a gradient in its own memory layout, as autograd does."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=generator))


def _weights_of(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().cpu() for name, value in network.named_parameters()}
