"""A variant: what a case changes of its experiment, so that one command compares several. Needs no torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """The schedule, the share of the training images and the learning rate of a case, if not the experiment's own.

    Attributes:
        epochs: of a complete schedule, whose milestones scale with it; None for the recipe's own.
        train_fraction: share of the training images, drawn class by class from the seed.
        val_split: share of the training images held out for evaluation; None for the setting's.
        learning_rate: None for the recipe's own.
        is_tuned: True if the learning rate is the model's, chosen among ``--learning-rates``; unknown until they are
            tried, and then `learning_rate`.
    """

    epochs: int | None = None
    train_fraction: float = 1.0
    val_split: float | None = None
    learning_rate: float | None = None
    is_tuned: bool = False


PLAIN = Variant()
"""The experiment as it is."""
