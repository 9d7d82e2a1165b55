from harness.analysis.stats import mean_interval
from harness.report.tables.columns import ends_cell, interval_values, mean_cell, p_cell, yes_or_no


def row(values):
    return interval_values("x", mean_interval(values))


def test_mean_has_half_of_its_interval_if_there_is_one():
    assert mean_cell("x")(row([99.0, 99.1, 99.11])) == "99.07 ± 0.15"
    assert mean_cell("x")(row([99.0])) == "99.00"
    assert mean_cell("x", is_signed=True)(row([-1.0])) == "−1.00"
    assert mean_cell("x", is_percent=False)(row([5.3, 5.4, 5.5])) == "5.40 ± 0.25"
    assert mean_cell("x", is_percent=False)(row([0.0123456])) == "0.01235"


def test_missing_interval_gives_none_and_one_value_gives_its_mean():
    assert interval_values("x", None) == {"x": None, "x_low": None, "x_high": None}
    assert row([1.0]) == {"x": 1.0, "x_low": None, "x_high": None}
    assert row([98.0, 98.0]) == {"x": 98.0, "x_low": None, "x_high": None}


def test_ends_and_p_values_are_human_readable():
    assert ends_cell("x")({"x_low": -0.5, "x_high": 1.25}) == "−0.50 to +1.25"
    assert p_cell("p")({"p": 0.0441}) == ".044"
    assert p_cell("p")({"p": 0.0001}) == "< .001"
    assert [yes_or_no("x")({"x": value}) for value in (True, False)] == ["yes", "no"]
