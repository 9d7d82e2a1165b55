import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.analysis.multiplicity import Joint, holm, joint_critical_value, joint_p_value


def test_holm_by_hand():
    # sorted .01 .02 .03 .04: multiplied by 4, 3, 2, 1, and never decreasing
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


def test_holm_ignores_untested_comparisons():
    assert holm([None, 0.02, None, 0.03]) == [None, 0.04, None, 0.04]
    assert holm([None]) == [None]


@given(st.lists(st.none() | st.floats(0, 1), max_size=6))
@settings(deadline=None, max_examples=25)  # statsmodels is slow
def test_holm_matches_its_definition(p_values):
    known = [p_value for p_value in p_values if p_value is not None]
    for p_value, p_holm in zip(p_values, holm(p_values), strict=True):
        if p_value is None:
            assert p_holm is None
        else:
            before = sorted(one for one in known if one <= p_value)
            expected = max((len(known) - k) * one for k, one in enumerate(before))
            assert p_holm == pytest.approx(min(1.0, expected))


CORRELATION = np.array([[1, 0.9, 0.5], [0.9, 1, 0.3], [0.5, 0.3, 1]])


def test_joint_p_value_is_that_of_simulated_t_statistics():
    generator, df = np.random.default_rng(0), 10
    normal = generator.multivariate_normal(np.zeros(3), CORRELATION, size=400_000)
    largest = np.abs(normal / np.sqrt(generator.chisquare(df, size=(400_000, 1)) / df)).max(axis=1)
    for t in (1.0, 2.5, 3.5):
        assert joint_p_value(t, CORRELATION, df) == pytest.approx(np.mean(largest > t), abs=2.5e-3)
        assert joint_p_value(-t, CORRELATION, df) == joint_p_value(t, CORRELATION, df)
    assert joint_critical_value(CORRELATION, df, 0.05) == pytest.approx(np.quantile(largest, 0.95), abs=0.02)


@pytest.mark.parametrize("df", [2, 10, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.0221])
def test_critical_value_is_where_the_p_value_is_alpha(df, alpha):
    critical = joint_critical_value(CORRELATION, df, alpha)
    assert joint_p_value(critical, CORRELATION, df) == pytest.approx(alpha, abs=5e-4)
    assert joint_p_value(critical + 0.05, CORRELATION, df) < alpha < joint_p_value(critical - 0.05, CORRELATION, df)


def test_joint_value_is_between_one_test_and_bonferroni():
    one, three = stats.t.ppf(0.975, 10), stats.t.ppf(1 - 0.025 / 3, 10)
    assert one < joint_critical_value(CORRELATION, 10, 0.05) < three
    assert joint_critical_value(np.eye(3), 10, 0.05) == pytest.approx(three, abs=0.06)


@pytest.mark.parametrize("tests", [2, 4])
def test_equal_tests_count_as_one(tests):
    correlation = np.ones((tests, tests))  # parameters and MACs often have the same contrast
    assert joint_critical_value(correlation, 10, 0.05) == pytest.approx(stats.t.ppf(0.975, 10), abs=0.01)
    assert joint_p_value(2.0, correlation, 10) == pytest.approx(2 * stats.t.sf(2, 10), abs=1e-3)


def test_one_test_is_not_corrected():
    assert joint_p_value(2.0, np.eye(1), 7) == pytest.approx(2 * stats.t.sf(2, 7))
    assert joint_critical_value(np.eye(1), 7, 0.05) == pytest.approx(stats.t.ppf(0.975, 7))


def test_opposite_tests_count_as_one():
    correlation = np.array([[1.0, -1.0], [-1.0, 1.0]])
    assert joint_critical_value(correlation, 10, 0.05) == pytest.approx(stats.t.ppf(0.975, 10), abs=0.01)


def test_same_family_gives_the_same_values():
    one, other = (Joint(CORRELATION.copy(), 10, 0.05) for _ in range(2))
    assert (one.size, one.critical_value, one.p_value(2.2)) == (3, other.critical_value, other.p_value(2.2))


def test_correction_hides_existing_objects_from_the_garbage_collector(monkeypatch):
    frozen = []
    monkeypatch.setattr("harness.analysis.multiplicity.multipletests", lambda values, **_: (
        frozen.append(gc.get_freeze_count()), values,
    ))  # fmt: skip
    assert holm([0.2, None]) == [0.2, None]
    assert frozen[0] > 0
    assert gc.get_freeze_count() == 0
