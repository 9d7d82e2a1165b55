from pathlib import Path

from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.report.tables.side_by_side import side_by_side_tables
from tests.helpers.synthetic import synthetic_result


def sides(*environments, **changes):
    found = [
        StoredResult(
            synthetic_result(seed=seed, accuracy_percent=90.0 + place, environment=environment, **changes),
            Path(f"folder{place}"),
            lambda: None,
            lambda: None,
        )
        for place, environment in enumerate(environments)
        for seed in (0, 1)
    ]
    return side_by_side_tables(group_into_studies(found))


def test_times_of_the_same_hardware_are_compared():
    ((_, table),) = sides({}, {})
    assert [row["epoch_seconds"] for row in table.rows] == [10.0, 10.0]
    assert [row["difference_points"] for row in table.rows] == [None, 1.0]
    assert [row["study"] for row in table.rows] == ["CIFAR-10 · folder0", "CIFAR-10 · folder1"]
    assert "not compared" not in " ".join(table.notes)


def test_times_of_different_hardware_are_omitted_with_the_reason():
    ((_, table),) = sides({}, {"gpu": "NVIDIA H200"})
    assert [row["epoch_seconds"] for row in table.rows] == [None, None]
    (note,) = [note for note in table.notes if note.startswith("times are not compared")]
    assert "NVIDIA H200" in note
    assert "AMD EPYC" in note
    assert [row["accuracy_percent"] for row in table.rows] == [90.0, 91.0]


def test_one_folder_or_smoke_runs_make_no_table():
    assert sides({}) == []
    assert sides({}, {}, mode="quick") == []
