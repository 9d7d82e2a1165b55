import numpy as np

from harness.analysis.comparison import Comparisons
from harness.report.tables.differences import differences_table
from tests.analysis.synthetic_evidence import study

MEANS = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}


def table_of(seeds):
    generator = np.random.default_rng(1)
    evidence = study({model: list(generator.normal(mean, 0.2, seeds)) for model, mean in MEANS.items()})
    return differences_table(evidence, Comparisons(evidence))


def test_counterparts_are_the_primary_test_and_come_first():
    rows = table_of(5).rows
    assert len(rows) == 10
    primary = [(row["model"], row["other"]) for row in rows if row["family"] == "counterparts"]
    assert primary == [("resnet20-2", "resnet56"), ("resnet20-4", "resnet110")]
    assert [row["family"] for row in rows[2:]] == ["exploratory"] * 8


def test_significance_p_values_and_intervals_agree():
    for row in table_of(5).rows:
        excludes_zero = not row["difference_points_low"] <= 0 <= row["difference_points_high"]
        assert row["is_significant"] == (row["p_holm"] < 0.05)
        assert row["is_significant"] or not excludes_zero
        assert row["p_value"] <= row["p_holm"]


def test_notes_on_test_images_are_of_one_run_each_only():
    several, one = table_of(5), table_of(1)
    assert "on the test images" not in several.headings
    assert not any("never a verdict" in note for note in several.notes)
    assert {row["is_significant"] for row in one.rows} == {False}
    assert all("two proportions of 10,000 images: p " in row["note"] for row in one.rows)
    assert "on the test images: a note on one run each, never a verdict" in one.notes
