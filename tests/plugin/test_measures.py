from types import SimpleNamespace

from harness.plugin.measures import record_properties, reused_status
from harness.text import printable
from tests.helpers.evil_names import EVIL_NAMES
from tests.helpers.synthetic import failed_result, synthetic_result
from tests.plugin.benches import BENCH, properties_in

FAILING = BENCH.replace("assert trained.is_complete", "assert trained.accuracy_percent > 100")


def test_every_measure_is_a_property_of_its_test():
    result, item = synthetic_result("digits", "resnet20", epoch_seconds=2.0), SimpleNamespace(user_properties=[])
    record_properties(item, result, is_reused=False)
    properties = dict(item.user_properties)
    expected = {
        "status": "complete", "mode": "full", "model": "resnet20", "dataset": "digits", "seed": "0",
        "params": str(result.params), "macs": str(result.macs), "accuracy_percent": str(result.accuracy_percent),
        "epoch_seconds": "2.0", "peak_memory_bytes": str(2**30), "device": "AMD EPYC", "precision": "fp32",
        "train_fraction": "1.0",
        "training_code": result.environment["training_code"], "reused": "false", "stand_in": "false",
    }  # fmt: skip
    assert properties | expected == properties
    assert "cause" not in properties  # it has none


def test_junit_has_the_measures_of_a_test_that_fails_after_training(bench, pytester):
    pytester.makepyfile(test_digits=FAILING)
    run = bench("-k", "resnet8-seed0", "--junitxml", "junit.xml", "-o", "junit_family=xunit1")
    run.assert_outcomes(failed=1, deselected=1)
    properties = properties_in(pytester.path / "junit.xml")
    assert {"accuracy_percent", "params", "macs", "epoch_seconds", "training_code"} <= properties.keys()
    assert (properties["status"], properties["reused"]) == ("complete", "false")


def test_word_of_a_reused_result_is_that_of_its_passed_call_alone():
    def word(when, passed, properties):
        return reused_status(SimpleNamespace(when=when, passed=passed, user_properties=properties))

    assert word("call", True, [("reused", "true")]) == ("passed", ".", "PASSED (reused)")
    assert word("call", True, [["reused", "true"]]) is not None  # as pytest-xdist sends it
    assert word("setup", True, [("reused", "true")]) is None
    assert word("call", False, [("reused", "true")]) is None
    assert word("call", True, [("reused", "false")]) is None


def test_names_in_properties_are_printable():
    for name in EVIL_NAMES:
        item = SimpleNamespace(user_properties=[])
        record_properties(item, failed_result(dataset="digits", environment={"cpu": name}), is_reused=False)
        assert dict(item.user_properties)["device"] == printable(name)
