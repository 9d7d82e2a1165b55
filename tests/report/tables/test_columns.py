from harness.analysis.stats import Interval, mean_interval
from harness.report.tables.columns import ends_cell, interval_values, mean_cell, p_cell


def row(values):
    return interval_values("x", mean_interval(values))


def test_a_mean_stands_with_half_of_its_interval_and_alone_without_one():
    assert mean_cell("x")(row([99.0, 99.1, 99.11])) == "99.07 ± 0.15"
    assert mean_cell("x")(row([99.0])) == "99.00"
    assert mean_cell("x", is_signed=True)(row([-1.0])) == "−1.00"
    assert mean_cell("x", is_percent=False)(row([5.3, 5.4, 5.5])) == "5.40 ± 0.25"
    assert mean_cell("x", is_percent=False)(row([0.0123456])) == "0.01235"


def test_what_is_not_known_is_none():
    assert interval_values("x", None) == {"x": None, "x_low": None, "x_high": None}
    assert isinstance(mean_interval([1.0]), Interval)


def test_ends_and_p_values_are_put_as_people_do():
    assert ends_cell("x")({"x_low": -0.5, "x_high": 1.25}) == "−0.50 to +1.25"
    assert p_cell("p")({"p": 0.0441}) == ".044"
    assert p_cell("p")({"p": 0.0001}) == "< .001"
