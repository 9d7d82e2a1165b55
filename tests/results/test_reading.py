import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import with_sha256
from harness.results.reading import parse_result, read_epoch_records, read_result, validated
from harness.results.result import EpochRecord, Result
from tests.results.records import JSON, RECORD

numbers = st.floats(0, 100)


losses = st.floats(allow_nan=False, allow_infinity=False) | st.just(math.nan)


def result_with(result, **changes):
    """Return the result's text with other values and a matching SHA-256."""
    return with_sha256(json.loads(json.dumps(result.to_json())) | changes)


def test_result_round_trips_through_its_text(tiny_result):
    assert parse_result(tiny_result.to_text()) == tiny_result


@pytest.mark.parametrize(
    ("change", "message"),
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
        ({"total_seconds": 1e9, "marginal_gain": 1e-7}, "total_seconds is not the sum of its epoch_seconds"),
        ({"epochs": 2}, "2 epochs but the seconds of 3"),
        ({"model": "resnet20"}, "not its case's"),
        ({"mode": "quick"}, "not its case's"),
        ({"environment": {}}, "environment: cpu: Field required"),
        ({"environment": {"cpu": 7, "gpu": None}}, "environment: cpu: Input should be a valid string"),
        ({"environment": {"cpu": "a", "gpu": []}}, "environment: gpu: Input should be a valid string"),
        ({"environment": {"cpu": "a", "gpu": None, "training_code": {}}}, "environment: training_code: Input should"),
        ({"attempts": []}, "attempts: .*at least 1"),
        ({"seed": 1.5}, "seed: Input should be a valid integer"),
    ],
)
def test_invalid_result_is_named_with_the_reason(change, message, tiny_result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(result_with(tiny_result, **change))
    with pytest.raises(InputError, match=message) as error:
        read_result(path)
    assert str(path) in str(error.value)


def test_number_changed_by_hand_is_detected(tiny_result, tmp_path):
    path = tmp_path / "result.json"
    text = tiny_result.to_text()
    number = f'"accuracy_percent": {tiny_result.accuracy_percent}'
    assert number in text
    path.write_text(text.replace(number, '"accuracy_percent": 99.9', 1))
    with pytest.raises(InputError, match="damaged, or changed by hand"):
        read_result(path)


def test_missing_file_is_not_reported_as_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_result(tmp_path / "result.json")


@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_raise_an_input_error(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "result.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_result(path)


@given(field=st.sampled_from(sorted(Result.__dataclass_fields__)), value=JSON)
def test_result_with_a_replaced_field_is_read_exactly_or_refused(field, value, tiny_result):
    try:
        read = parse_result(result_with(tiny_result, **{field: value}))
    except ValueError as error:
        assert str(error)
    else:
        assert json.loads(json.dumps(read.to_json()))[field] == value


@given(position=st.integers(min_value=0), bit=st.integers(0, 7))
def test_flipped_bit_in_a_result_is_refused_or_harmless(position, bit, tiny_result):
    damaged = bytearray(tiny_result.to_text().encode())
    damaged[position % len(damaged)] ^= 1 << bit
    try:
        assert parse_result(bytes(damaged)) == tiny_result
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
def test_record_round_trips_bit_for_bit_even_with_a_nan_loss(record):
    read = validated(EpochRecord, record.to_json())
    assert repr(read) == repr(record)
    assert read.is_finite == record.is_finite


def test_records_are_read_in_order(tmp_path):
    path = tmp_path / "epochs.jsonl"
    records = [replace(RECORD, epoch=epoch) for epoch in (1, 2, 3)]
    path.write_text("".join(json.dumps(record.to_json()) + "\n" for record in records))
    assert read_epoch_records(path) == records


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"epoch": 2', "line 2: not the record of epoch 2 .*EOF"),
        ("{}", "line 2: not the record of epoch 2 .epoch: Field required"),
        (json.dumps(RECORD.to_json()), "line 2: not the record of epoch 2 .it is of epoch 1"),
        (json.dumps(RECORD.to_json() | {"epoch": 2, "epoch_seconds": -1}), "epoch_seconds: .*greater than or equal"),
        (json.dumps(RECORD.to_json() | {"epoch": 2, "train_seconds": "1"}), "train_seconds: .*valid number"),
        ("", "line 2"),
    ],
)
def test_invalid_record_line_is_named_with_the_reason(line, message, tmp_path):
    path = tmp_path / "epochs.jsonl"
    path.write_text(json.dumps(RECORD.to_json()) + f"\n{line}\n")
    with pytest.raises(InputError, match=message) as error:
        read_epoch_records(path)
    assert str(path) in str(error.value)


@given(content=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_records_or_an_input_error(content, tmp_path_factory):
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
def test_changed_or_cut_record_is_valid_or_an_input_error(changes, cut, tmp_path_factory):
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
