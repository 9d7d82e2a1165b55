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
        layers=tuple(at_start),
        at_start=tuple(at_start.values()),
        after_epoch=tuple(after_epoch.values()),
    )


def _mean_norms(network: nn.Module, images: ImageSet, case: Case) -> dict[str, float]:
    """Return each layer's gradient norm, the mean over the batches; the network is not changed."""
    network = copy.deepcopy(network)
    batches = torch.split(torch.arange(len(images)), case.recipe.batch_size)
    weights = _weights(network, _inputs(network, images, batches[0][:1], case)[0])
    network.train()  # BatchNorm's statistics are the batch's, as in training
    sums = torch.zeros(len(weights), device=next(network.parameters()).device)
    for index in batches:
        inputs, labels = _inputs(network, images, index, case)
        loss = functional.cross_entropy(network(inputs), labels)
        sums += torch.stack([gradient.norm() for gradient in torch.autograd.grad(loss, list(weights.values()))])
    return dict(zip(weights, (sums / len(batches)).tolist(), strict=True))


def _inputs(network: nn.Module, images: ImageSet, index: Tensor, case: Case) -> tuple[Tensor, Tensor]:
    """Return images without augmentation, and their labels, on the network's device."""
    batch, device = images.select(index), next(network.parameters()).device
    inputs = prepare(batch.pixels, case.recipe.augmentation, case.recipe.image_size)
    return inputs.to(device), batch.labels.to(device)


def _weights(network: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Return the trained weights of convolution and linear layers, in the order that images pass."""
    weights = dict[str, Tensor]()
    layers = {one: name for name, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.Linear)}

    def record(layer: nn.Module, _: object) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        weights.setdefault(layers[layer], layer.weight)

    hooks = [layer.register_forward_pre_hook(record) for layer in layers if layer.weight.requires_grad]
    with torch.no_grad():
        network.eval()(image)
    for hook in hooks:
        hook.remove()
    return weights
