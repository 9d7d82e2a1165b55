import pytest

from harness.errors import DamagedError, InputError, TrainingError


def test_damage_is_an_input_error_and_every_input_error_a_value_error():
    assert issubclass(DamagedError, InputError)
    assert issubclass(InputError, ValueError)


def test_failed_training_is_not_reported_as_an_input_error():
    assert not issubclass(TrainingError, InputError)
    with pytest.raises(TrainingError, match="Traceback of the other machine"):
        raise TrainingError("Traceback of the other machine")
