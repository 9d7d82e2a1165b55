import pickle
from functools import partial

import pytest

from harness.errors import DamagedError, FaultList, InputError, TrainingError
from tests.helpers.evil_names import EVIL_NAMES


def test_damage_is_an_input_error_and_every_input_error_a_value_error():
    assert issubclass(DamagedError, InputError)
    assert issubclass(InputError, ValueError)


def test_failed_training_is_not_reported_as_an_input_error():
    assert not issubclass(TrainingError, InputError)
    with pytest.raises(TrainingError, match="Traceback of the other machine"):
        raise TrainingError("Traceback of the other machine")


def refuse(message):
    raise InputError(message)


def test_fault_list_yields_results_and_raises_every_fault_in_one_error():
    faults = FaultList()
    calls = [lambda: 1, partial(refuse, "first"), lambda: None, partial(refuse, "second")]
    assert list(faults.results_of(calls)) == [1, None]
    with pytest.raises(InputError, match=r"^2 faults:\n  first\n  second$") as raised:
        faults.raise_any()
    assert raised.value.faults == ("first", "second")


def test_fault_list_of_one_fault_raises_that_error_and_of_none_nothing():
    faults, damage = FaultList(), DamagedError("the only one")
    faults.raise_any()
    with faults:
        raise damage
    with pytest.raises(DamagedError) as raised:
        faults.raise_any()
    assert raised.value is damage


def test_fault_list_names_five_faults_and_counts_all_of_nested_lists():
    inner, outer = FaultList(), FaultList()
    list(inner.results_of(partial(refuse, f"inner {number}") for number in range(8)))
    with outer:
        inner.raise_any()
    with outer:
        refuse("outer")
    with pytest.raises(InputError, match=r"^9 faults:\n  inner 0\n(.*\n){4}  and 4 more$") as raised:
        outer.raise_any()
    assert len(pickle.loads(pickle.dumps(raised.value)).faults) == 9  # another machine's process may raise it


def test_fault_list_lets_other_exceptions_pass():
    with pytest.raises(MemoryError), FaultList():
        raise MemoryError


def test_message_with_bytes_that_are_not_utf8_can_be_printed():
    assert str(InputError("caf\udce9.png")) == "caf\\udce9.png"


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_names_in_a_message_are_printable_and_its_lines_stay(name):
    assert all(map(str.isprintable, str(InputError(f"{name} is damaged\nremove it")).split("\n")))
    assert str(InputError(f"{name} is damaged\nremove it")).endswith(" is damaged\nremove it")


def test_message_has_no_password():
    assert (
        str(InputError("--track mlflow:http://me:pw@host: no answer")) == "--track mlflow:http://me:***@host: no answer"
    )
