import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import sealed
from harness.results.result import (
    Attempt,
    EpochRecord,
    Result,
    read_epoch_records,
    read_result,
    timed_on,
    timing_changes,
    validated,
)

RECORD = EpochRecord(1, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 0.8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
numbers = st.floats(0, 100)
losses = st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)


def result_with(result, **changes):
    """The result's text with other values in it, and a seal that fits them."""
    return sealed(json.loads(json.dumps(result.to_json())) | changes)


def test_a_result_comes_back_from_its_text_as_it_was(tiny_result):
    assert Result.from_text(tiny_result.to_text()) == tiny_result


def test_a_result_has_the_fields_of_the_contract(tiny_result):
    assert {
        "schema_version", "status", "mode", "case", "model", "dataset", "seed", "params", "macs", "accuracy_percent",
        "best_accuracy_percent", "best_epoch", "macro_f1_percent", "epochs", "epoch_seconds", "train_seconds",
        "eval_seconds", "total_seconds", "marginal_gain", "environment",
    } <= tiny_result.to_json().keys()  # fmt: skip


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": 1}, "schema_version is 1, this harness reads 2"),
        ({"status": "splendid"}, "status: Input should be 'complete'"),
        ({"case": {}}, "case.model: Field required"),
        ({"epoch_seconds": None}, "epoch_seconds: Input should be a valid (tuple|array)"),
        ({"accuracy_percent": "99"}, "accuracy_percent: Input should be a valid number"),
        ({"accuracy_percent": True}, "accuracy_percent: Input should be a valid number"),
        ({"accuracy_percent": 101.0}, "accuracy_percent: .*less than or equal to 100"),
        ({"accuracy_percent": None}, "accuracy_percent is missing"),
        ({"total_seconds": -1.0}, "total_seconds: .*greater than or equal to 0"),
        ({"total_seconds": 1e9}, "total_seconds is not the sum of its epoch_seconds"),
        ({"epochs": 2}, "2 epochs but the seconds of 3"),
        ({"model": "resnet20"}, "not its case's"),
        ({"mode": "quick"}, "not its case's"),
        ({"environment": {}}, "environment does not say which device"),
        ({"environment": {"cpu": 7, "gpu": None}}, "environment does not say which device"),
        ({"environment": {"cpu": "a", "gpu": []}}, "environment does not say which device"),
        ({"environment": {"cpu": "a", "gpu": None, "training_code": {}}}, "environment does not say which device"),
        ({"attempts": []}, "attempts: .*at least 1"),
        ({"seed": 1.5}, "seed: Input should be a valid integer"),
    ],
)
def test_a_file_that_is_no_result_is_named_with_the_reason(change, says, tiny_result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(result_with(tiny_result, **change))
    with pytest.raises(InputError, match=says) as error:
        read_result(path)
    assert str(path) in str(error.value)


def test_a_number_changed_by_hand_is_found_out(tiny_result, tmp_path):
    path = tmp_path / "result.json"
    text = tiny_result.to_text()
    number = f'"accuracy_percent": {tiny_result.accuracy_percent}'
    assert number in text
    path.write_text(text.replace(number, '"accuracy_percent": 99.9', 1))
    with pytest.raises(InputError, match="damaged, or changed by hand"):
        read_result(path)


def test_a_file_that_is_not_there_is_no_damage(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_result(tmp_path / "result.json")


@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_error_of_ours(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "result.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_result(path)


@given(field=st.sampled_from(sorted(Result.__dataclass_fields__)), value=JSON)
def test_a_result_with_any_field_replaced_is_read_as_it_says_or_refused(field, value, tiny_result):
    try:
        read = Result.from_text(result_with(tiny_result, **{field: value}))
    except ValueError as error:
        assert str(error)
    else:
        assert json.loads(json.dumps(read.to_json()))[field] == value


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_result_is_refused_or_changes_nothing(position, bit, tiny_result):
    damaged = bytearray(tiny_result.to_text().encode())
    damaged[position % len(damaged)] ^= 1 << bit
    try:
        assert Result.from_text(bytes(damaged)) == tiny_result
    except ValueError as error:
        assert str(error)


@given(
    st.builds(
        EpochRecord,
        epoch=st.just(1), learning_rate=numbers, train_loss=losses, train_accuracy_percent=numbers,
        evaluation_loss=losses, evaluation_accuracy_percent=numbers, load_seconds=numbers, train_seconds=numbers,
        evaluate_seconds=numbers, checkpoint_seconds=numbers, epoch_seconds=numbers,
    )
)  # fmt: skip
def test_a_record_comes_back_bit_for_bit_and_a_loss_that_is_no_number_as_such(record):
    read = validated(EpochRecord, record.to_json())
    assert repr(read) == repr(record)
    assert read.is_finite == record.is_finite


def test_records_are_read_in_order(tmp_path):
    path = tmp_path / "epochs.jsonl"
    records = [replace(RECORD, epoch=epoch) for epoch in (1, 2, 3)]
    path.write_text("".join(json.dumps(record.to_json()) + "\n" for record in records))
    assert read_epoch_records(path) == records


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"epoch": 2', "line 2: not the record of epoch 2 .*EOF"),
        ("{}", "line 2: not the record of epoch 2 .epoch: Field required"),
        (json.dumps(RECORD.to_json()), "line 2: not the record of epoch 2 .it is of epoch 1"),
        (json.dumps(RECORD.to_json() | {"epoch": 2, "epoch_seconds": -1}), "epoch_seconds: .*greater than or equal"),
        (json.dumps(RECORD.to_json() | {"epoch": 2, "train_seconds": "1"}), "train_seconds: .*valid number"),
        ("", "line 2"),
    ],
)
def test_a_line_that_is_no_record_is_named_with_the_reason(line, says, tmp_path):
    path = tmp_path / "epochs.jsonl"
    path.write_text(json.dumps(RECORD.to_json()) + f"\n{line}\n")
    with pytest.raises(InputError, match=says) as error:
        read_epoch_records(path)
    assert str(path) in str(error.value)


@given(content=st.binary(max_size=300))
def test_any_bytes_are_records_or_an_error_of_ours(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "epochs.jsonl"
    path.write_bytes(content)
    try:
        assert read_epoch_records(path) == []
    except InputError as error:
        assert str(path) in str(error)


@given(
    changes=st.dictionaries(st.sampled_from([*RECORD.to_json(), "other"]), JSON, max_size=3),
    cut=st.integers(0, 400),
)
def test_a_changed_or_cut_record_is_one_in_range_or_an_error_of_ours(changes, cut, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "epochs.jsonl"
    path.write_text(json.dumps(RECORD.to_json() | changes)[:cut])
    try:
        records = read_epoch_records(path)
    except InputError:
        return
    for record in records:
        assert record.epoch == 1
        assert 0 <= record.train_accuracy_percent <= 100
        assert record.epoch_seconds >= 0


def attempts(*first_epochs, threads=None):
    environment = {"cpu": "a", "gpu": None, "threads": 2, "versions": {"torch": "2.15"}}
    threads = threads or [2] * len(first_epochs)
    return tuple(
        Attempt(first, "2026", environment | {"threads": count})
        for first, count in zip(first_epochs, threads, strict=True)
    )


def test_how_often_and_where_training_was_interrupted_is_told(tiny_result):
    assert tiny_result.interrupted_after == ()
    assert replace(tiny_result, attempts=attempts(1, 2, 2, 4)).interrupted_after == (1, 1, 3)


def test_hardware_counts_as_changed_only_where_epochs_were_trained_on_both(tiny_result):
    def changes(attempts):
        return replace(tiny_result, attempts=attempts).changes_between_attempts

    assert changes(attempts(1, 2, threads=[2, 2])) == ()
    assert changes(attempts(1, 2, threads=[2, 1])) == ("2 threads → 1 thread",)
    assert changes(attempts(1, 2, 2, threads=[2, 1, 2])) == ()
    assert changes(attempts(1, 4, threads=[2, 1])) == ()  # interrupted after the last epoch
    assert changes(attempts(1, 2, 3, threads=[2, 1, 2])) == ("2 threads → 1 thread", "1 thread → 2 threads")
    back_and_forth = replace(tiny_result, epochs=4, attempts=attempts(1, 2, 3, 4, threads=[2, 1, 2, 1]))
    assert back_and_forth.changes_between_attempts == ("2 threads → 1 thread", "1 thread → 2 threads")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"cpu": "b"}, "a → b"),
        ({"gpu": "H200"}, "a → H200"),
        ({"versions": {"torch": "2.16"}}, "torch 2.15 → torch 2.16"),
        ({"versions": None}, "torch 2.15 → torch None"),
    ],
)
def test_device_and_torch_count_as_well_as_threads(change, says, tiny_result):
    first, second = attempts(1, 2)
    changed = replace(second, environment=second.environment | change)
    assert replace(tiny_result, attempts=(first, changed)).changes_between_attempts == (says,)


def test_times_of_cases_that_shared_their_machine_are_told_apart():
    alone = {"cpu": "AMD EPYC", "gpu": None, "threads": 2, "versions": {"torch": "2.15.0"}, "co_scheduled": False}
    shared = alone | {"co_scheduled": True}
    assert timed_on(alone) == "AMD EPYC, 2 threads, torch 2.15.0"
    assert timed_on(shared) == "AMD EPYC, 2 threads, torch 2.15.0, co-scheduled"
    assert timing_changes(alone, shared) == ["alone → co-scheduled"]
    assert timing_changes(alone, {key: alone[key] for key in alone if key != "co_scheduled"}) == []  # of before
