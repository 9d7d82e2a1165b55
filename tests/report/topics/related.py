"""Synthetic studies in one results folder that differ in their epochs or in their share of the training images."""

from dataclasses import replace

import pytest

from harness.config.recipes import CIFAR10
from tests.helpers.synthetic import outcome, store, synthetic_result
from tests.report.studies import build_report

MODELS = {"resnet20": 88.0, "resnet110": 89.5, "resnet20-4": 91.0}
WIDE_LEADS = {0.1: 0.5, 0.5: -1.5, 1.0: -3.0}
"""Percentage points by which shares of the images move wide models."""


def report_of(place, store_studies):
    """Return the report of studies that a function stores, without the figures of each study alone."""
    store_studies(place / "results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.build.study_figures", lambda *_: [])
        return build_report([place / "results"], place / "report")


def store_schedules(root, epochs=(30, 100, 300), seeds=(0, 1, 2)):
    """Store a study for each number of epochs; longer ones are better."""
    for one in epochs:
        mode, recipe = ("full", CIFAR10) if one == 300 else ("shortened", CIFAR10.with_epochs(one))
        _store(root, seeds, lambda _: 0.0, {30: -2.0, 100: 0.0}.get(one, 0.5), {"recipe": recipe, "mode": mode})


def store_shares(root, shares=(0.1, 0.5, 1.0), seeds=(0, 1, 2)):
    """Store a study for each share of the images; wide models lead on few images, deep ones on many."""
    for one in shares:
        lead = WIDE_LEADS[one]
        _store(
            root, seeds, lambda model, lead=lead: lead * ("-" in model), 10 * (one - 1), {"train_fraction": one},
            train_images=round(50_000 * one),
        )  # fmt: skip


def _store(root, seeds, shift, offset, case_changes, **changes):
    for place, (model, accuracy) in enumerate(MODELS.items()):
        for seed in seeds:
            percent = accuracy + offset + shift(model) + 0.05 * ((seed * 7 + place * 3 + round(7 * offset)) % 5)
            predicted = outcome("cifar10", percent, 10 * place + seed)
            result = synthetic_result(
                model=model, seed=seed, epoch_seconds=10.0 + 5 * place, predicted=predicted, case_changes=case_changes
            )
            store(root, replace(result, **changes), predicted)
