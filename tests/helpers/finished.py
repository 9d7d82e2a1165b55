"""Finished cases of a study, stored without training."""

from dataclasses import replace

from tests.helpers.synthetic import store, synthetic_result


def store_finished(study, experiment, accuracy_percent=90.0, **changes):
    """Store a synthetic result as the experiment's own, so that the study reuses it; return it."""
    case = study.case(experiment)
    study.results.folder(case).mkdir(parents=True)
    study.results.write_weights(case, b"weights")
    result = synthetic_result(case.dataset, case.model, case.seed, accuracy_percent, mode=case.mode, **changes)
    return store(study.results.root, replace(result, case=case))
