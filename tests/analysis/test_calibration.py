"""What the analysis concludes from studies with a known truth; ``pytest bench -k calibration`` simulates far more."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.analysis import multiplicity
from harness.analysis.answer import Question, answer
from harness.analysis.budgets import budget_verdicts
from harness.analysis.comparison import Comparisons
from harness.analysis.multiplicity import joint_p_value
from harness.analysis.power import Spread
from tests.analysis.calibration import (
    BUDGETS,
    Cell,
    count_headlines,
    count_sequential,
    count_verdicts,
    random_study,
    simulate,
    tabulated,
)
from tests.analysis.contradictions import contradictions
from tests.analysis.synthetic_evidence import measured


@pytest.fixture
def fast_p_values(monkeypatch):
    """Joint p-values from a table, for many studies of one design."""
    monkeypatch.setattr(multiplicity, "joint_p_value", tabulated(joint_p_value))


@pytest.mark.usefixtures("fast_p_values")
def test_equal_models_seldom_have_a_winner():
    found = count_headlines(Cell(3, 0.3), part=0, studies=300)
    assert 1 <= found["any winner"] <= 13  # 17 without a correction for several budgets


@pytest.mark.slow
@pytest.mark.usefixtures("fast_p_values")
def test_equal_models_seldom_have_a_winner_at_six_budgets():
    found = count_verdicts(Cell(3, 0.3, has_use_times=True), part=0, studies=300)
    assert 1 <= found["any winner"] <= 13  # 19 without a correction for several budgets


@pytest.mark.usefixtures("fast_p_values")
def test_half_a_point_is_seldom_called_equal_within_half_a_point():
    found = count_verdicts(Cell(3, 0.2, wider_points=0.5), part=0, studies=100)
    assert 1 <= max(found[f"{budget} equal"] for budget in BUDGETS) <= 6


@pytest.mark.usefixtures("fast_p_values")
@pytest.mark.parametrize(("seeds", "points", "least"), [(3, 1.0, 75), (5, 0.5, 45)])
def test_power_at_each_budget(seeds, points, least):
    found = count_verdicts(Cell(seeds, 0.3, wider_points=points), part=0, studies=100)
    assert min(found[f"{budget} wider"] for budget in BUDGETS) >= least


@pytest.mark.slow
@pytest.mark.usefixtures("fast_p_values")
def test_equal_models_seldom_have_a_winner_after_three_looks():
    found = count_sequential(Cell(10, 0.3), part=0, studies=100)
    assert found["interim any winner"] <= 4  # 6 if each look has the level of a single one


def test_one_run_each_never_gives_a_verdict():
    generator = np.random.default_rng(0)
    studies = [simulate(Cell(1, 0.4, wider_points=points), generator) for points in (0, 1, 5) for _ in range(5)]
    with_predictions = measured({"resnet20": [88.0], "resnet56": [89.0], "resnet20-2": [91.0], "resnet20-4": [94.0]})
    for study in (*studies, with_predictions):
        verdicts = budget_verdicts(study)
        assert {one.outcome for one in verdicts} == {"one run each"}
        assert all(one.p_value is None and one.p_alone is None and one.take is None for one in verdicts)
        headline = answer(Comparisons(study), study, Question(Spread(0.3, is_measured=False))).headline
        assert "no answer" in headline.lower()


def test_more_models_change_a_pairs_p_through_the_pooled_spread_only():
    whole = simulate(Cell(3, 0.3), np.random.default_rng(1))
    fewer = tuple(run for run in whole.runs if run.model != "resnet20-8")
    added = tuple(replace(run, model="resnet56-2") for run in whole.runs if run.model == "resnet20-8")
    for runs in (fewer, whole.runs, whole.runs + added):
        found = Comparisons(replace(whole, runs=runs))
        pairs = [found.of("resnet20-2", "resnet56"), found.of("resnet20-4", "resnet110")]
        assert [one.family_size for one in pairs] == [2, 2]
        alone = [p_of_pair(whole, one.model, one.other, found.fit.spread_points, found.fit.df) for one in pairs]
        assert [one.p_alone for one in pairs] == pytest.approx(alone)
        assert [one.p_value for one in pairs] == pytest.approx(multiplicity.holm(alone))


def p_of_pair(study, model, other, spread_points, df):
    """Return the p-value of a pair from its runs and the pooled spread."""
    values = [list(study.values(one, "accuracy_percent").values()) for one in (model, other)]
    differences = np.subtract(*values)
    error = max(spread_points * np.sqrt(2 / len(differences)), stats.sem(differences))
    return 2 * stats.t.sf(abs(differences.mean()) / error, df)


@pytest.mark.slow
def test_answer_tables_and_claims_never_contradict_each_other():
    generator = np.random.default_rng(0)
    assert [line for _ in range(40) for line in contradictions(random_study(generator))] == []


def test_tabulated_joint_p_values_are_near_the_exact_ones():
    correlation = 0.7 + 0.3 * np.eye(4)
    near = tabulated(joint_p_value)
    for t in (0.33, 1.71, 2.57, 3.13, 9.0):
        assert near(t, correlation, 10) == pytest.approx(joint_p_value(t, correlation, 10), rel=0.02, abs=2e-4)


def test_joint_p_value_lies_between_that_of_one_test_and_bonferronis():
    correlation = 0.999 + 0.001 * np.eye(4)
    for t in (0.0, 2.0, 8.0, 12.0, 30.0):
        alone = 2 * stats.t.sf(t, 20)
        assert alone <= joint_p_value(t, correlation, 20) <= min(1, 4 * alone)
