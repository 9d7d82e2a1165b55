"""Expectations that bench/ asserts of a trained case: complete, finite, the right size, accurate."""

from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.published import PUBLISHED, Published, exact_parameters
from harness.results.result import EpochRecord, Result
from harness.text import count_noun

TOLERANCE_PP = 2.0
DIGITS_ACCURACY_PERCENT = 91.0  # over five seed sds below the mean of ResNet-32, the least accurate model


def unmet_expectations(result: Result, records: list[EpochRecord]) -> list[str]:
    """Return a sentence for each expectation that the case does not meet.

    The case is expected to record every epoch of its recipe, finite losses, and the study's parameter count. With the
    recipe's own epochs and the whole dataset, its accuracy must be at most 2 pp below the published figure (digits: at
    least 91 %). Quick and shortened runs are not compared with published accuracies.
    """
    if not result.is_complete:
        return [f"status is {result.status}: {result.cause}"]
    found = []
    wanted_epochs = list(range(1, result.case.recipe.epochs + 1))
    if len(records) != len(wanted_epochs):
        verb = "is" if len(records) == 1 else "are"
        found.append(f"{count_noun(len(records), 'epoch')} {verb} recorded, the recipe has {len(wanted_epochs)}")
    elif [record.epoch for record in records] != wanted_epochs:
        found.append(f"the recorded epochs are not 1 to {len(wanted_epochs)} in order")
    found += [f"epoch {record.epoch}: a loss is not a number" for record in records if not record.is_finite]
    parameters = exact_parameters(result.dataset, result.model) if result.case.shortcut == "A" else None
    if parameters is not None and result.params != parameters:
        found.append(f"{result.params:,} parameters, {parameters:,} are expected")
    least = min_accuracy_percent(result)
    if result.accuracy_percent is None:
        found.append("no accuracy is recorded")
    elif least is not None and result.accuracy_percent < least:
        found.append(f"accuracy is {result.accuracy_percent:.2f} %, at least {least:.2f} % is expected")
    return found


def min_accuracy_percent(result: Result) -> float | None:
    """Return the accuracy that the case must reach; None if no published figure is comparable."""
    if result.dataset == "digits" and is_trained_as_published(result):
        return DIGITS_ACCURACY_PERCENT
    published = comparable_published(result)
    return None if published is None else published.accuracy_percent - TOLERANCE_PP


def is_trained_as_published(result: Result) -> bool:
    """Return whether the case was trained as published.

    This means a network of the harness, the unchanged recipe with all its epochs, option A, the whole dataset with
    all of its training images, and evaluation on the test set.
    """
    return (
        is_beside_literature(result)
        and result.case.recipe == PUBLISHED_RECIPES.get(result.dataset)
        and result.case.shortcut == "A"
    )


def is_beside_literature(result: Result) -> bool:
    """Return whether figures of other sources may stand beside the case's.

    Sources have recipes of their own, so the case may have any. This means a network of the harness, all epochs
    of its recipe, all training images, and evaluation on the test set.
    """
    case = result.case
    is_whole = result.dataset_whole and not case.val_split and case.train_fraction == 1
    return result.mode == "full" and not case.network and is_whole


def comparable_published(result: Result) -> Published | None:
    """Return the paper's figures for the same model; None if the case was not trained as published."""
    return PUBLISHED.get((result.dataset, result.model)) if is_trained_as_published(result) else None
