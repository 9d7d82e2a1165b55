from dataclasses import replace

import pytest

from harness.config.recipes import CIFAR10
from harness.paper.published import PUBLISHED
from harness.report.tables.paper import paper_tables
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import evidence_of


def tables_of(*results):
    return {table.file_name.split("-", 1)[1]: table for table in paper_tables(evidence_of(*results))}


def test_paper_tables_have_measured_beside_published_values():
    tables = tables_of(*(synthetic_result(seed=seed, accuracy_percent=90.0 + seed) for seed in range(3)))
    assert list(tables) == ["accuracy", "f1", "gain", "literature"]
    (row,) = tables["accuracy"].rows
    published = PUBLISHED["cifar10", "resnet20"]
    assert (row["accuracy_percent"], row["published_accuracy_percent"]) == (91.0, published.accuracy_percent)
    assert row["over_published_points"] == pytest.approx(91.0 - published.accuracy_percent)
    assert "91.00 ± 2.48" in tables["accuracy"].cells[0]
    assert "(the paper's table 4)" in tables["accuracy"].title
    assert "(the paper's table 5)" in tables["f1"].title


@pytest.mark.parametrize(
    "changes",
    [
        {"case_changes": {"recipe": replace(CIFAR10, learning_rate=0.05)}},
        {"mode": "shortened"},
        {"dataset_whole": False},
        {"case_changes": {"val_split": 0.1}},
    ],
)
def test_published_values_are_omitted_if_not_comparable(changes):
    tables = tables_of(synthetic_result(**changes))
    for table in tables.values():
        assert not [heading for heading in table.headings if "paper" in heading]
        assert "paper's table" not in table.title
        published = table.frame.filter(regex="published|figure_")
        assert published.isna().all(axis=None)


def test_published_f1_is_checked_against_its_accuracy_bound():
    (row,) = tables_of(synthetic_result("cifar10"))["f1"].rows
    assert row["published_macro_f1_bound_percent"] > row["published_macro_f1_percent"]
    assert row["is_published_f1_possible"]
    unbalanced = synthetic_result()
    per_class = tuple({**one, "images": 900 + k} for k, one in enumerate(unbalanced.per_class))
    table = tables_of(replace(unbalanced, per_class=per_class))["f1"]
    assert "F1 at most" not in table.headings


def test_times_of_different_hardware_are_omitted_with_the_reason():
    tables = tables_of(synthetic_result(), synthetic_result(seed=1, environment={"gpu": "NVIDIA H200"}))
    assert "s/epoch" not in tables["accuracy"].headings
    assert any("times are not compared" in note for note in tables["accuracy"].notes)
