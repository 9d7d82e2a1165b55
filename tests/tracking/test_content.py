from dataclasses import replace

import pytest

from harness.results.result import EpochRecord
from harness.tracking.content import epoch_metrics, final_measures, outcome, parameters, result_parameters
from tests.helpers.disturbances import QUIET, busy
from tests.helpers.records import RECORD
from tests.helpers.synthetic import ENVIRONMENT, failed_result, synthetic_result

RESULT = synthetic_result("digits", "resnet8")


def test_parameters_name_the_case_and_its_recipe():
    found = parameters(RESULT.case)
    expected = {"model": "resnet8", "dataset": "digits", "seed": 0, "mode": "full", "device_kind": "cpu"}
    expected |= {"precision": "fp32", "identity": RESULT.case.identity, "recipe.learning_rate": 0.05}
    assert {name: found[name] for name in expected} == expected
    assert found["recipe.augmentation.mean"] == "0.3054"
    assert all(isinstance(value, str | int | float) for value in found.values())


def test_result_parameters_name_size_and_code():
    expected = {"params": RESULT.params, "macs": RESULT.macs, "training_code": ENVIRONMENT["training_code"]}
    assert result_parameters(RESULT) == expected
    old = replace(RESULT, environment={"cpu": "AMD EPYC", "gpu": None})
    assert "training_code" not in result_parameters(old)


def test_epoch_metrics_are_all_of_an_epochs_numbers():
    record = EpochRecord(3, 0.1, 1.5, 50.0, 1.6, 60.0, 0.1, 0.8, 0.1, 0.05, 1.0)
    found = epoch_metrics(record)
    assert found["train_loss"] == 1.5
    assert found["checkpoint_seconds"] == 0.05
    assert set(found) == set(record.to_json()) - {"epoch", "disturbance"}


@pytest.mark.parametrize(("measured", "logged"), [(None, None), (QUIET, 0.0), (busy(0.5), 1.0)])
def test_epoch_metrics_say_if_the_epoch_was_disturbed(measured, logged):
    assert epoch_metrics(replace(RECORD, disturbance=measured)).get("is_disturbed") == logged


def test_final_measures_and_epoch_metrics_share_no_name():
    record = EpochRecord(3, 0.1, 1.5, 50.0, 1.6, 60.0, 0.1, 0.8, 0.1, 0.05, 1.0)
    assert not set(final_measures(RESULT)) & set(epoch_metrics(record))


def test_final_measures_of_a_failed_case_leave_out_what_it_lacks():
    found = final_measures(failed_result(dataset="digits", model="resnet8"))
    assert "accuracy_percent" not in found
    assert found["peak_memory_bytes"] == 2**30


def test_the_outcome_is_text():
    found = outcome(failed_result("out_of_memory", dataset="digits", model="resnet8"))
    assert (found["status"], found["cause"]) == ("out_of_memory", "the loss is no longer a number")
    assert (found["environment.cpu"], found["environment.versions.torch"]) == ("AMD EPYC", "2.15.0")
    assert found["command"] == "pytest bench --full-training"
    assert "environment.gpu" not in found


def test_outcome_of_an_older_result_has_no_password():
    command = "pytest --benchmark-storage http://me:hunter2@host"
    failed = failed_result(dataset="digits", model="resnet8")
    attempts = (replace(failed.attempts[0], command=command),)
    found = outcome(replace(failed, attempts=attempts, cause="OSError: http://me:hunter2@host is down"))
    assert found["command"] == "pytest --benchmark-storage 'http://me:***@host'"
    assert found["cause"] == "OSError: http://me:***@host is down"
