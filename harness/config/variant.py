"""Variants: what cases change of their experiment, so that one command compares several."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

TUNING_VAL_SPLIT = 0.2
"""The share of the training images that learning rates are compared on, unless ``--val-split`` gives another."""
TUNED_NAME = "tuned"
"""What the name of a tuned variant ends with."""


@dataclass(frozen=True)
class Variant:
    """The schedule, share of the images and learning rate of a case, if not the experiment's own.

    Attributes:
        epochs: of a complete schedule, whose milestones scale with it; None for the recipe's own.
        train_fraction: share of the training images, drawn class by class from the seed.
        val_split: share of the training images held out for evaluation; None for the setting's.
        learning_rate: None for the recipe's own.
        is_tuned: True if the learning rate is the model's, chosen among ``--learning-rates``; unknown until they are
            tried, and then `learning_rate`.
        common_rate: the recipe's own rate, of a case whose `learning_rate` is another.
        name: what tells it from the others that are compared, e.g. ``epochs30-tuned``; empty if nothing does.
    """

    epochs: int | None = None
    train_fraction: float = 1.0
    val_split: float | None = None
    learning_rate: float | None = None
    is_tuned: bool = False
    common_rate: float | None = None
    name: str = ""

    @property
    def is_trial(self) -> bool:
        """True if the case tries a learning rate, and is not reported."""
        return self.learning_rate is not None and not self.is_tuned


PLAIN = Variant()
"""The experiment as it is."""


def every_variant(
    epochs: Sequence[int | None], train_fractions: Sequence[float], *, are_tuned: bool
) -> tuple[Variant, ...]:
    """Return every combination of schedules, shares of the images and kinds of learning rate.

    Args:
        are_tuned: true to train each at the model's own learning rate too, after the recipe's.
    """
    found = []
    for one, share, is_tuned in product(epochs, train_fractions, (False, True)[: 1 + are_tuned]):
        parts = [f"epochs{one}"] * (len(epochs) > 1) + [fraction_name(share)] * (len(train_fractions) > 1)
        name = "-".join(parts + [TUNED_NAME] * is_tuned)
        found.append(Variant(one, share, is_tuned=is_tuned, name=name))
    return tuple(found)


def fraction_text(fraction: float) -> str:
    """Return a share of the training images in words: ``10 % of the training images``."""
    return "all training images" if fraction == 1 else f"{100 * fraction:.12g} % of the training images"


def fraction_name(fraction: float) -> str:
    """Return a share of the training images as it stands in names: ``fraction0.1``."""
    return f"fraction{str(float(fraction)).removesuffix('.0')}"
