import numpy as np
import pytest

from harness.analysis.comparison import Comparisons
from harness.report.tables.differences import differences_table
from harness.report.tables.gain import threshold_table, true_gain_table
from tests.analysis.synthetic_evidence import study

MEANS = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.1, "resnet20-2": 89.1, "resnet20-4": 92.0}


def given(seeds=5):
    generator = np.random.default_rng(1)
    evidence = study({model: list(generator.normal(mean, 0.2, seeds)) for model, mean in MEANS.items()})
    return evidence, Comparisons(evidence)


def test_axis_pays_beyond_a_model_that_a_later_one_is_above():
    table = threshold_table(*given())
    words = {(row["axis"], row["other"]): row["verdict"] for row in table.rows}
    assert words == {
        ("depth", "resnet20"): "pays: resnet56 above resnet20",
        ("depth", "resnet56"): "a loss: overdeepened; the threshold",
        ("width", "resnet20"): "pays: resnet20-4 above resnet20",  # the step to resnet20-2 alone is no gain
        ("width", "resnet20-2"): "pays: resnet20-4 above resnet20-2",
    }
    assert [row["other"] for row in table.rows if row["is_threshold"]] == ["resnet56"]


def test_one_run_each_tests_no_threshold():
    table = threshold_table(*given(seeds=1))
    assert {row["verdict"] for row in table.rows} == {"not tested"}
    assert "p (Holm)" not in table.headings


@pytest.mark.parametrize("make", [threshold_table, true_gain_table])
def test_numbers_are_those_of_the_table_of_differences(make):
    evidence, comparisons = given()
    differences = {(row["model"], row["other"]): row for row in differences_table(evidence, comparisons).rows}
    for row in make(evidence, comparisons).rows:
        same = differences[row["model"], row["other"]]
        assert {key: row[key] for key in same if key in row} == {key: same[key] for key in same if key in row}
        assert row["family"] == "exploratory"
