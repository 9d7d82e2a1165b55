"""Finished cases of a study, stored without training."""

from dataclasses import replace

from harness.config.datasets import is_own_images
from tests.helpers.synthetic import outcome, store, synthetic_result


def store_finished(study, experiment, accuracy_percent=90.0, **changes):
    """Store a synthetic result as the experiment's own, so that the study reuses it; return it."""
    case = study.case(experiment)
    study.results.folder(case).mkdir(parents=True)
    study.results.write_weights(case, b"weights")
    published = "digits" if is_own_images(case.dataset) else case.dataset
    of_case = {"mode": case.mode, "case_changes": {"recipe": case.recipe}}
    result = synthetic_result(published, case.model, case.seed, accuracy_percent, **of_case | changes)
    predicted = outcome(published, result.accuracy_percent, case.seed)
    return store(study.results.root, replace(result, case=case, dataset=case.dataset), predicted)
