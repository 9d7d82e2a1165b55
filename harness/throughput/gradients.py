"""Gradient norms by layer, at initialisation and after one epoch of training (paper section 2.1)."""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.config.case import Case
from harness.data.augment import prepare
from harness.data.images import ImageSet
from harness.data.registry import Dataset
from harness.hardware.stopwatch import Stopwatch
from harness.throughput.gradient_norms import GradientNorms
from harness.training.trainers import make_trainer


def measure_gradients(case: Case, dataset: Dataset, device: torch.device) -> GradientNorms:
    """Measure the gradient norm of every layer before and after the first epoch of a case.

    Args:
        case: the network, its seed and its recipe; the epoch is its first.
        dataset: the images, without augmentation for the norms, with the recipe's for the epoch.
        device: the device that trains.
    """
    trainer = make_trainer(case, dataset.spec, device)
    images = trainer.place(dataset.train)
    at_start = _mean_norms(trainer.network, images, case)
    trainer.train_epoch(images, 0, Stopwatch(device))
    after_epoch = _mean_norms(trainer.network, images, case)
    return GradientNorms(
        model=case.model,
        dataset=case.dataset,
        train_images=len(dataset.train),
        batch_size=case.recipe.batch_size,
        learning_rate=case.recipe.learning_rate_at(0),
        layers=tuple(_weights(trainer.network)),
        at_start=at_start,
        after_epoch=after_epoch,
    )


def _mean_norms(network: nn.Module, images: ImageSet, case: Case) -> tuple[float, ...]:
    """Return each layer's gradient norm, the mean over the batches; the network is not changed."""
    network = copy.deepcopy(network).train()  # BatchNorm's statistics are the batch's, as in training
    weights = list(_weights(network).values())
    batches = torch.split(torch.arange(len(images)), case.recipe.batch_size)
    sums = torch.zeros(len(weights), device=weights[0].device)
    for index in batches:
        batch = images.select(index)
        inputs = prepare(batch.pixels, case.recipe.augmentation, case.recipe.image_size).to(weights[0].device)
        loss = functional.cross_entropy(network(inputs), batch.labels.to(inputs.device))
        sums += torch.stack([gradient.norm() for gradient in torch.autograd.grad(loss, weights)])
    return tuple((sums / len(batches)).tolist())


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the weights of the convolution and linear layers, from the input to the output."""
    return {
        name: module.weight for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)
    }
