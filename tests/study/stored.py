"""Stored results of networks that were not trained, with the predictions that their own pipeline makes."""

from dataclasses import replace

import torch
from safetensors.torch import save

from harness.config.datasets import is_own_images
from harness.data.augment import prepare
from harness.data.images import ImageSet, PackedPixels, fingerprint
from harness.data.registry import Dataset
from harness.models.build import model_of
from harness.models.cost import count_macs, count_parameters
from harness.results import metrics
from harness.training.trainers import make_trainer
from tests.helpers.synthetic import synthetic_result
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case, tiny_spec


def colour_recipe(**changes):
    """The tiny recipe for RGB images, with another mean and std for each channel."""
    augmentation = replace(TINY_RECIPE.augmentation, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    return replace(TINY_RECIPE, augmentation=replace(augmentation, **changes.pop("augmentation", {})), **changes)


def noise_dataset(sizes, channels=3, seed=0):
    """A dataset of noise; images of more than one (height, width) are packed."""
    generator = torch.Generator().manual_seed(seed)
    images = [torch.randint(0, 256, (channels, *size), dtype=torch.uint8, generator=generator) for size in sizes]
    pixels = torch.stack(images) if len(set(sizes)) == 1 else PackedPixels.from_images(images)
    part = ImageSet(pixels, torch.arange(len(sizes)) % 3)
    spec = replace(tiny_spec(len(sizes), len(sizes)), channels=channels)
    return Dataset(spec, part, part, "made for the tests", fingerprint(part, part))


def fit_statistics(network, inputs):
    """Set the running statistics of every BatchNorm to those of these inputs."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network(inputs)


def store_untrained(results, images, name="digits", **changes):
    """Store a complete result of a network whose weights are random and whose statistics fit the images."""
    case = replace(make_case(images, **changes), dataset=name)
    trainer = make_trainer(case, images.spec, CPU)
    fit_statistics(
        trainer.network,
        prepare(
            images.test.select(torch.arange(min(64, len(images.test)))).pixels,
            case.recipe.augmentation,
            case.recipe.image_size,
        ),
    )
    labels = images.test.labels.numpy()
    predictions = trainer.evaluate(trainer.place(images.test, "test")).predictions
    assert len(set(predictions)) > 1
    scores = metrics.score(labels, predictions, images.spec.class_names).to_json()
    results.folder(case).mkdir(parents=True)
    results.write_weights(case, save(trainer.weights()))
    results.write_predictions(case, labels, predictions)
    shape, classes = images.spec.input_shape(case.recipe.image_size), images.spec.num_classes
    changes = {
        "train_images": len(images.train),
        "evaluation_images": len(labels),
        "test_images": len(labels),
        "params": count_parameters(trainer.network),
        "macs": count_macs(model_of(case), shape, classes, case.shortcut),
        "predicted": (labels, predictions),
        "case_changes": {"recipe": case.recipe},
    }
    result = synthetic_result(
        "digits" if is_own_images(name) else name, case.model, mode=case.mode, **scores, **changes
    )
    result = replace(result, case=case, dataset=name, files=results.hashes(case))
    results.write_result(case, result)
    return result
