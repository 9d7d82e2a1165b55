import pytest

from harness.analysis.stats import mean_interval
from harness.report.figures.style import COLOUR_KEY, error_bars, first_of_each, styles_of
from tests.analysis.own_models import built_in_result, family_results
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import ACCURACIES, evidence_of


def test_colours_show_the_axis_and_marks_the_step():
    styles = styles_of(evidence_of(*(synthetic_result(model=model) for model in [*ACCURACIES, "resnet56-2"])))
    kinds = {model: style.kind for model, style in styles.items()}
    assert kinds == {
        "resnet20": "base", "resnet56": "depth", "resnet110": "depth",
        "resnet20-2": "width", "resnet20-4": "width", "resnet56-2": "other",
    }  # fmt: skip
    assert styles["resnet56"].colour == styles["resnet110"].colour != styles["resnet20-2"].colour
    assert len({(style.marker, style.line) for style in styles.values()}) == len(styles)
    assert "Blue" in COLOUR_KEY


def test_each_family_on_neither_axis_has_a_colour_of_its_own():
    results = [built_in_result(model) for model in ("resnet20", "resnet56", "resnet20-2", "resnet56-2")]
    results += family_results({"mynet1": [90.0], "mynet3": [90.0]})
    results += family_results({"othernet1": [90.0]}, {"othernet1": (1, 1)}, "othernet")
    styles = styles_of(evidence_of(*results))
    words = {model: style.words for model, style in styles.items() if style.kind == "other"}
    assert words == {"mynet1": "mynet", "mynet3": "mynet", "othernet1": "othernet", "resnet56-2": "on neither axis"}
    assert styles["mynet1"].colour == styles["mynet3"].colour
    assert len({styles[model].colour for model in ("mynet1", "othernet1", "resnet56-2")}) == 3
    assert len({(style.colour, style.marker) for style in styles.values()}) == len(styles)
    assert list(first_of_each(styles.values()))[:3] == ["base", "deeper", "wider"]


def test_models_without_axes_are_all_of_the_other_kind():
    assert {style.kind for style in styles_of(evidence_of(synthetic_result())).values()} == {"other"}


def test_error_bars_reach_from_the_mean_to_the_ends():
    interval = mean_interval([98.0, 99.0, 100.0])
    ((below,), (above,)) = error_bars(interval)
    assert (interval.mean - below, interval.mean + above) == pytest.approx((interval.low, interval.high))
    assert error_bars(mean_interval([98.0])) is None
