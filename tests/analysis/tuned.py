"""Studies of tuned learning rates, made by hand: trials, plain and tuned runs, with what they declare."""

from dataclasses import replace
from pathlib import Path

from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.results.declared_tuning import DeclaredTuning
from harness.results.result import LearningCurve
from tests.helpers.synthetic import failed_result, outcome, synthetic_result

ROOT = Path("results")
TRIAL_SEEDS = (1_000_000, 1_000_001, 1_000_002)
RATES = (0.02, 0.05, 0.1)
PLAIN = {"resnet20": (95.0, 95.2, 95.1), "resnet56": (95.5, 95.9, 95.7), "resnet20-2": (99.0, 99.2, 99.1)}
TUNED = PLAIN | {"resnet56": (99.0, 99.1, 99.2)}
CHOSEN = {"resnet20": 0.05, "resnet56": 0.02, "resnet20-2": 0.05}


def stored(result, held_out_percent=None, root=ROOT):
    """Return a result as if it were stored, with the last accuracy of its learning curve."""
    curve = None if held_out_percent is None else LearningCurve((10.0, held_out_percent), 0.1)
    predicted = outcome(result.dataset, result.accuracy_percent, result.seed) if result.is_complete else None
    return StoredResult(result, root, lambda: predicted, lambda: curve)


def run_at(model, seed, rate=None, accuracy=90.0, dataset="digits", **changes):
    """Return a result at a rate, None for the recipe's own; ``changes``: of its case."""
    plain = synthetic_result(dataset, model).case
    recipe = plain.recipe if rate is None else replace(plain.recipe, learning_rate=rate)
    return synthetic_result(dataset, model, seed, accuracy, case_changes={"recipe": recipe} | changes)


def trial_changes(model, dataset="digits"):
    recipe = synthetic_result(dataset, model).case.recipe
    return {"recipe": recipe.with_epochs(6), "mode": "shortened", "val_split": 0.1}


def trial_at(model, seed, rate, dataset="digits", *, test_accuracy=50.0):
    changes = trial_changes(model, dataset)
    changes["recipe"] = replace(changes["recipe"], learning_rate=rate)
    return synthetic_result(
        dataset, model, seed, test_accuracy, mode="shortened", evaluation_images=36, case_changes=changes
    )


def diverged_at(model, seed, rate, dataset="digits"):
    changes = trial_changes(model, dataset)
    changes["recipe"] = replace(changes["recipe"], learning_rate=rate)
    return failed_result("diverged", dataset=dataset, model=model, seed=seed, mode="shortened", case_changes=changes)


def declared(model, chosen, rates=RATES, seeds=TRIAL_SEEDS, dataset="digits"):
    """Return what a session declares of a model's trials."""
    plain = synthetic_result(dataset, model).case
    return DeclaredTuning(plain, replace(plain, **trial_changes(model, dataset)), rates, seeds, chosen)


def trials(model, held_out, dataset="digits", seeds=TRIAL_SEEDS):
    """Return stored trials; ``held_out``: accuracies by rate, all seeds around them."""
    return [
        stored(trial_at(model, seed, rate, dataset), accuracy + 0.1 + 0.1 * (place - 1) * (1 + rate))
        for rate, accuracy in held_out.items()
        for place, seed in enumerate(seeds)
    ]


def tuned_study(plain, tuned, chosen, held_out=None, seeds=(0, 1, 2), dataset="digits"):
    """Return the studies of plain and tuned runs; accuracies of each seed, chosen rates, and trials by model."""
    kept, tunings = [], []
    for model, rate in chosen.items():
        common = run_at(model, 0, dataset=dataset).case.recipe.learning_rate
        for seed, accuracy in zip(seeds, plain[model], strict=True):
            kept.append(stored(run_at(model, seed, accuracy=accuracy, dataset=dataset)))
        if rate != common:
            for seed, accuracy in zip(seeds, tuned[model], strict=True):
                kept.append(stored(run_at(model, seed, rate, accuracy, dataset)))
        kept += trials(model, (held_out or {}).get(model, dict.fromkeys(RATES, 80.0) | {rate: 90.0}), dataset)
        tunings.append(declared(model, rate, dataset=dataset))
    return group_into_studies(kept, tunings={ROOT: tunings})
