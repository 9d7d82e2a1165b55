"""Compare the fast pipeline's training speed on one CPU thread with common hand-written PyTorch loops.

Run it from the repository's root: ``OMP_NUM_THREADS=1 python -m bench.compare_loops [--model resnet20] [--rounds 15]``.

Each loop trains the same network on CIFAR-10's shape in a process of its own, so that memory settings of one do not
speed up another. The processes take turns, one short round each, and report CPU time, which hardly counts other work
on the machine. Only the ratios are reliable. The loops:

- ``per-image``: torchvision's transforms image by image, NCHW, accuracy and loss read after every step, as in most
  published CIFAR code;
- ``per-image-top5``: the same with top-1 and top-5 accuracy and two meters per step;
- ``channels-last``: ready batches, channels_last, fused SGD, nothing read back; what a good PyTorch user writes;
- ``channels-last-kept``: the same with the fast pipeline's memory setting (`keep_freed_memory`);
- ``fast-fp32`` and ``fast-bf16``: the harness's fast pipeline, augmentation included.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch.nn import functional

from harness.config.datasets import SPECS
from harness.config.experiment import Experiment
from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.data.images import random_images
from harness.hardware.memory import keep_freed_memory
from harness.hardware.stopwatch import Stopwatch
from harness.models.build import build_network
from harness.training.trainers.fast import FastTrainer
from harness.training.trainers.reference import Samples, training_transform
from harness.training.trainers.trainer import make_optimizer

LOOPS = ("per-image", "per-image-top5", "channels-last", "channels-last-kept", "fast-fp32", "fast-bf16")
BASES = ("channels-last", "per-image")
SPEC, RECIPE = SPECS["cifar10"], PUBLISHED_RECIPES["cifar10"]
CPU = torch.device("cpu")


def network_and_optimizer(model: str, memory_format: torch.memory_format, fused: bool | None):
    """Return the model's network in training mode, and the recipe's SGD over it."""
    network = build_network(parse_model(model), SPEC.channels, SPEC.num_classes, seed=0)
    network = network.to(memory_format=memory_format).train()
    return network, make_optimizer(network, RECIPE, fused=fused)


def hits(logits: torch.Tensor, labels: torch.Tensor, ranks: tuple[int, ...]) -> list[float]:
    """Read back the number of images whose label is among the first k logits, for each k."""
    best = logits.topk(max(ranks), 1).indices.eq(labels[:, None])
    return [best[:, :k].sum().item() for k in ranks]


def per_image(model: str, images: int, ranks: tuple[int, ...]) -> Callable[[], None]:
    """Return an epoch of the common loop: transforms of single images, and results read after every step."""
    network, optimizer = network_and_optimizer(model, torch.contiguous_format, None)
    samples = Samples(random_images(SPEC, RECIPE, images), training_transform(RECIPE.augmentation, RECIPE.image_size))
    loader = torch.utils.data.DataLoader(samples, batch_size=RECIPE.batch_size, shuffle=True)

    def epoch():
        loss_sum, correct = 0.0, [0.0] * len(ranks)
        for batch, labels in loader:
            logits = network(batch)
            loss = functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(labels)
            correct = [before + now for before, now in zip(correct, hits(logits, labels, ranks), strict=True)]

    return epoch


def channels_last(model: str, images: int) -> Callable[[], None]:
    """Return an epoch of the plain fast loop: ready batches, channels_last, nothing read back."""
    network, optimizer = network_and_optimizer(model, torch.channels_last, True)
    shape = (RECIPE.batch_size, *SPEC.input_shape(RECIPE.image_size))
    batch = torch.randn(shape).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, SPEC.num_classes, (RECIPE.batch_size,))

    def epoch():
        for _ in range(images // RECIPE.batch_size):
            optimizer.zero_grad()
            functional.cross_entropy(network(batch), labels).backward()
            optimizer.step()

    return epoch


def fast(model: str, images: int, precision: str) -> Callable[[], None]:
    """Return an epoch of the harness's fast pipeline."""
    case = Experiment(SPEC.name, model, 0, RECIPE, "full").bind(device_kind="cpu", precision=precision)
    trainer = FastTrainer(case, SPEC, CPU)
    placed = trainer.place(random_images(SPEC, RECIPE, images))
    trainer.warm_up(placed)
    return lambda: trainer.train_epoch(placed, 0, Stopwatch(CPU)) and None


def epoch_of(loop: str, model: str, images: int) -> Callable[[], None]:
    """Return a function that trains one epoch of the images by the loop."""
    if loop.startswith("per-image"):
        return per_image(model, images, (1, 5) if loop.endswith("top5") else (1,))
    if loop.startswith("fast"):
        return fast(model, images, loop.removeprefix("fast-"))
    if loop.endswith("kept"):
        keep_freed_memory()
    return channels_last(model, images)


def serve(loop: str, model: str, images: int) -> None:
    """Train one epoch for each line of the standard input; print its CPU seconds."""
    torch.set_num_threads(1)
    epoch = epoch_of(loop, model, images)
    epoch()  # libraries set themselves up
    print("ready", flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        epoch()
        print(time.process_time() - before, flush=True)


def measure(loops: list[str], model: str, images: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each loop's rounds; the loops take turns, in reverse order in every other round."""
    command = [sys.executable, "-m", "bench.compare_loops", "--model", model, "--images", str(images), "--serve"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    seconds = {loop: [] for loop in loops}
    with contextlib.ExitStack() as stack:  # closes the processes' standard inputs, which ends them
        workers = {
            loop: stack.enter_context(subprocess.Popen([*command, loop], env=environment, **pipes)) for loop in loops
        }
        for loop, worker in workers.items():
            if worker.stdout.readline().strip() != "ready":
                raise SystemExit(f"loop {loop} did not start; its error is above")
        for number in range(rounds):
            for loop in loops if number % 2 == 0 else loops[::-1]:
                workers[loop].stdin.write("\n")
                workers[loop].stdin.flush()
                seconds[loop].append(float(workers[loop].stdout.readline()))
    return seconds


def report(seconds: dict[str, list[float]]) -> None:
    """Print each loop's speed over the bases' that were measured, round by round: median and quartiles."""
    bases = [base for base in BASES if base in seconds]
    rounds = len(next(iter(seconds.values())))
    print(f"training speed, median (quartiles) of {rounds} rounds, over {' | over '.join(bases)}")
    for loop, own in seconds.items():
        print(f"{loop:20} {' | '.join(ratio(seconds[base], own) for base in bases)}")


def ratio(base: list[float], own: list[float]) -> str:
    """Return the median and the quartiles of the rounds' speeds over those of the base."""
    low, middle, high = statistics.quantiles([b / s for b, s in zip(base, own, strict=True)], n=4)
    return f"{middle:5.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Compare the loops, or serve as the process of one of them."""
    parser = argparse.ArgumentParser(description="Training speed on one CPU thread, compared with common loops.")
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--images", type=int, default=512, help="images per round, a multiple of the batch size")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--loops", default=",".join(LOOPS), help="loops separated by commas")
    parser.add_argument("--serve", choices=LOOPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error(f"--rounds {options.rounds}: quartiles need two rounds; give 2 or more")
    if options.images < RECIPE.batch_size:
        parser.error(f"--images {options.images}: a batch has {RECIPE.batch_size} images; give a multiple of that")
    if options.serve:
        serve(options.serve, options.model, options.images)
    else:
        report(measure(options.loops.split(","), options.model, options.images, options.rounds))


if __name__ == "__main__":
    main()
