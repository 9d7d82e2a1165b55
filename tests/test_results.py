import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import InputError
from harness.files import write_atomically, write_text_atomically
from harness.results import EpochRecord, Result, read_result
from harness.results_folder import ResultsFolder
from tests.conftest import make_case

RECORD = EpochRecord(1, 0.1, 2.0, 30.0, 1.9, 33.0, 0.1, 0.5, 0.2, 0.0, 0.8)


def test_a_result_comes_back_from_its_file_as_it_was(tiny_result, results):
    results.begin(tiny_result.case)
    results.write_result(tiny_result.case, tiny_result)
    assert read_result(results.folder(tiny_result.case) / "result.json") == tiny_result


def test_a_result_has_the_fields_of_the_contract(tiny_result):
    assert {
        "schema_version", "status", "mode", "case", "model", "dataset", "seed", "params", "macs", "accuracy_percent",
        "best_accuracy_percent", "best_epoch", "macro_f1_percent", "epochs", "epoch_seconds", "train_seconds",
        "eval_seconds", "total_seconds", "marginal_gain", "environment",
    } <= tiny_result.to_json().keys()  # fmt: skip


def test_epoch_records_come_back_bit_for_bit_and_a_loss_that_is_no_number_as_such(tiny_dataset, results):
    case = make_case(tiny_dataset)
    results.begin(case)
    records = [replace(RECORD, epoch_seconds=0.1 + 0.2), replace(RECORD, epoch=2, train_loss=math.nan)]
    for record in records:
        results.append_epoch(case, record)
    first, second = results.read_epochs(case)
    assert first == records[0]
    assert math.isnan(second.train_loss)
    assert not second.is_finite
    lines = (results.folder(case) / "epochs.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["train_loss"] is None


def test_a_case_without_a_result_is_not_found(tiny_dataset, results):
    assert results.find(make_case(tiny_dataset)) is None


def test_a_result_of_another_case_in_its_folder_is_not_taken_for_it(tiny_result, tiny_dataset, results):
    other = make_case(tiny_dataset, seed=5)
    results.begin(other)
    results.write_result(other, tiny_result)
    assert results.find(other) is None


def test_beginning_a_case_clears_what_an_earlier_run_left(tiny_result, results):
    case = tiny_result.case
    results.begin(case)
    results.append_epoch(case, RECORD)
    results.write_result(case, tiny_result)
    results.begin(case)
    assert results.find(case) is None
    assert not (results.folder(case) / "epochs.jsonl").exists()


def test_a_results_folder_that_is_a_file_is_an_error_that_names_it(tiny_dataset, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="taken.*another --results-dir"):
        ResultsFolder(tmp_path / "taken").begin(make_case(tiny_dataset))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema_version": 99}, "schema_version is 99"),
        ({"status": "splendid"}, "status is 'splendid'"),
        ({"case": {}}, "a field is missing or wrong"),
        ({"epoch_seconds": None}, "a field is missing or wrong"),
    ],
)
def test_a_file_that_is_no_result_is_named_with_the_reason(change, says, tiny_result, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(tiny_result.to_json() | change))
    with pytest.raises(InputError, match=says) as error:
        read_result(path)
    assert str(path) in str(error.value)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_result_or_an_error_of_ours(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "result.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_result(path)


@given(
    field=st.sampled_from(sorted(Result.__dataclass_fields__)),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=4,
    ),
)
def test_a_result_with_any_field_replaced_is_read_or_refused(field, value, tiny_result):
    try:
        Result.from_json(json.loads(json.dumps(tiny_result.to_json())) | {field: value})
    except ValueError as error:
        assert str(error)


def test_unreadable_results_are_named_and_the_others_read(tiny_result, results):
    results.begin(tiny_result.case)
    results.write_result(tiny_result.case, tiny_result)
    broken = results.root / "broken"
    broken.mkdir()
    (broken / "result.json").write_text('{"schema_version": 1')
    read, problems = results.read_all()
    assert [result.case for result in read] == [tiny_result.case]
    assert len(problems) == 1
    assert str(broken / "result.json") in problems[0]


def test_a_write_that_fails_leaves_the_old_content_and_no_other_file(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def fail_half_way(temporary):
        temporary.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail_half_way)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_content_takes_the_place_of_the_old_in_one_step(tmp_path, monkeypatch):
    path = tmp_path / "kept.txt"
    path.write_text("old")
    replaced = []

    def refuse(source, target):
        replaced.append((source.read_text(), target))
        raise OSError("killed here")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="killed here"):
        write_text_atomically(path, "new")
    assert replaced == [("new", path)]
    assert path.read_text() == "old"


def test_text_is_written_as_utf_8(tmp_path):
    write_text_atomically(tmp_path / "text", "ω ≥ 1")
    assert (tmp_path / "text").read_bytes() == "ω ≥ 1".encode()


def test_predictions_are_kept_beside_the_labels(tiny_dataset, results):
    case = make_case(tiny_dataset)
    results.begin(case)
    results.write_predictions(case, np.array([0, 1]), np.array([1, 1]))
    with np.load(results.folder(case) / "predictions.npz") as kept:
        assert kept["labels"].tolist() == [0, 1]
        assert kept["predictions"].tolist() == [1, 1]
