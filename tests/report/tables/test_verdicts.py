import numpy as np
import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.budgets import verdicts_of
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.analysis.sequential import plan_looks
from harness.report.figures.differences import differences_figure
from harness.report.tables.differences import differences_table
from harness.report.tables.verdicts import verdicts_table
from harness.text import signed
from tests.analysis.synthetic_evidence import study
from tests.report.page.studies import WIDE_WINS

DIFFERENT = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}
ALIKE = dict.fromkeys(DIFFERENT, 90.0)


def given(means, seeds=5):
    generator = np.random.default_rng(1)
    evidence = study({model: list(generator.normal(mean, 0.2, seeds)) for model, mean in means.items()})
    verdicts = answer(Comparisons(evidence), evidence, Question(Spread(0.2, True))).verdicts
    return verdicts, verdicts_table(evidence, verdicts)


@pytest.mark.parametrize("means", [DIFFERENT, ALIKE], ids=["different", "alike"])
def test_every_number_is_that_of_the_answer(means):
    verdicts, table = given(means)
    assert [row["budget"] for row in table.rows] == ["total_seconds", "params", "macs", "scale_factor"]
    for row, cells, one in zip(table.rows, table.cells, verdicts, strict=True):
        assert row["cost_value"] == one.cost
        assert row["verdict"] == one.outcome
        assert row["take"] == one.take
        interval = one.interval
        assert (row["difference_points"], row["difference_points_low"], row["difference_points_high"]) == (
            interval.mean,
            interval.low,
            interval.high,
        )
        assert (row["equality_low"], row["equality_high"]) == (one.equality_interval.low, one.equality_interval.high)
        assert (row["p_value"], row["p_corrected"], row["seeds"]) == (one.p_alone, one.p_value, 5)
        shown = dict(zip(table.headings, cells, strict=True))
        assert shown["wider − deeper pp"] == signed(interval.mean, 2)
        assert shown["interval"] == f"{signed(interval.low, 2)} to {signed(interval.high, 2)}"
        assert (interval.low <= 0 <= interval.high) == (one.p_value >= 0.05)


def test_equal_verdict_shows_its_margin_and_the_interval_within():
    verdicts, table = given(ALIKE)
    assert {one.outcome for one in verdicts} == {"equal"}
    for row, cells in zip(table.rows, table.cells, strict=True):
        shown = dict(zip(table.headings, cells, strict=True))
        assert shown["verdict"] == "equal within 0.5 pp"
        assert -0.5 < row["equality_low"] < row["equality_high"] < 0.5
        assert shown["cheaper and no worse"] == row[row["no_worse"]]


def test_one_run_each_has_neither_interval_nor_p_value():
    _, table = given(DIFFERENT, seeds=1)
    assert {row["verdict"] for row in table.rows} == {"one run each"}
    assert table.headings == ["at equal", "budget", "verdict", "wider − deeper pp", "n", "wider", "deeper"]


def test_budgets_and_interpolated_models_are_human_readable():
    _, table = given(DIFFERENT)
    shown = [dict(zip(table.headings, cells, strict=True)) for cells in table.cells]
    assert [row["at equal"] for row in shown] == ["training time", "parameters", "MACs", "scale factor"]
    assert [row["budget"] for row in shown] == ["3h03m", "1.10M", "110.0M", "×4"]
    assert shown[0]["wider"] == "resnet20-2 and resnet20-4"
    assert shown[-1]["deeper"] == "resnet110"


def test_tables_and_figures_of_looks_give_their_level():
    """A study of three looks is tested at α = 0.0221: nothing may say 0.05 beside it."""
    evidence, plan = study(WIDE_WINS), plan_looks((0, 1, 2, 3, 4))
    comparisons = Comparisons(evidence, plan.level)
    found = verdicts_table(evidence, verdicts_of(comparisons))
    assert "95.59 % interval" in found.headings
    texts = [*found.notes, *differences_table(evidence, comparisons).notes]
    texts.append(differences_figure(evidence, comparisons).caption)
    assert not [text for text in texts if "0.05" in text or "90 %" in text or " 95 %" in text]
    assert sum("α = 0.0221" in text for text in texts) == 2
