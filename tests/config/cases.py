"""A case, and another value for every one of its fields."""

from dataclasses import fields, replace

from harness.config.case import Case
from harness.config.recipe import Augmentation
from harness.config.recipes import CIFAR10, FASHIONMNIST, GTSRB

CASE = Case("resnet20-4", "cifar10", CIFAR10, 0, "full", "cpu", "fp32", "0" * 64)


# Every field of this recipe can change alone without being refused.
PLAIN = replace(CASE, recipe=replace(CIFAR10, augmentation=Augmentation((0.5,), (0.25,), crop_scale=None)))
OTHERS = {
    "model": "resnet20-2",
    "dataset": "fashionmnist",
    "recipe": GTSRB,
    "seed": 1,
    "mode": "shortened",
    "device_kind": "cuda",
    "precision": "bf16",
    "data_fingerprint": "1" * 64,
    "val_split": 0.1,
    "shortcut": "B",
    "pipeline": "reference",
    "compiled": True,
    "network": "0123456789abcdef",
    "deterministic": True,
    "train_fraction": 0.5,
}


OTHER_RECIPE = {
    "name": "other",
    "epochs": 301,
    "milestones": (120, 200, 251),
    "batch_size": 64,
    "image_size": 28,
    "augmentation": FASHIONMNIST.augmentation,
    "learning_rate": 0.05,
    "gamma": 0.2,
    "momentum": 0.8,
    "nesterov": False,
    "weight_decay": 5e-4,
    "warmup_epochs": 1,
    "fit": "crop",
}


OTHER_AUGMENTATION = {
    "mean": (0.4,),
    "std": (0.3,),
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation_degrees": 30.0,
    "crop_scale": (0.75, 1.0),
    "rotate_first": True,
    "padding": 4,
}


def names(kind):
    return [field.name for field in fields(kind)]


def changed(case, path, value):
    head, *rest = path
    return replace(case, **{head: changed(getattr(case, head), rest, value) if rest else value})


CHANGES = [
    *(((name,), value) for name, value in OTHERS.items()),
    *((("recipe", name), value) for name, value in OTHER_RECIPE.items()),
    *((("recipe", "augmentation", name), value) for name, value in OTHER_AUGMENTATION.items()),
]


CHANGE_NAMES = [".".join(path) for path, _ in CHANGES]
