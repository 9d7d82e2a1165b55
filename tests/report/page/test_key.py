from harness.report.page.key import key_view
from tests.analysis.own_models import GRID, declared, family_results, named_results, study_of
from tests.report.page.studies import WIDE_WINS, study_page


def evidence(*models):
    return study_page(dict.fromkeys(models, (90.0, 91.0))).evidence


def test_key_explains_a_wide_model_and_draws_three_networks():
    key = key_view([evidence(*WIDE_WINS)])
    assert key["model"] == "resnet20-4"
    assert "20 layers deep, and ω = 4" in key["text"]
    assert [one["model"] for one in key["drawings"]] == ["resnet20", "resnet110", "resnet20-4"]
    bars = [one["drawing"].count("<rect") for one in key["drawings"]]
    assert bars[0] == bars[2] < bars[1]


def test_key_of_an_own_family_gives_depth_and_width():
    results = family_results({model: [90.0] for model in GRID})
    key = key_view([study_of(results)])
    notes = ["the base", "deeper: depth 3 instead of 1", "wider: width 2 instead of 1"]
    assert [one["note"] for one in key["drawings"]] == notes
    assert (key["model"], key["text"]) == ("mynet1-2", "")


def test_key_of_named_networks_says_which_is_deeper_and_wider():
    results = named_results({"small": [90.0], "tall": [91.0], "broad": [92.0]})
    key = key_view([study_of(results, declared("small", ["tall"], ["broad"]))])
    assert [(one["model"], one["note"]) for one in key["drawings"]] == [
        ("small", "the base"), ("tall", "deeper"), ("broad", "wider"),
    ]  # fmt: skip


def test_key_of_one_axis_and_of_none():
    assert [one["model"] for one in key_view([evidence("resnet20", "resnet56")])["drawings"]] == [
        "resnet20",
        "resnet56",
    ]
    assert "A second number, as in resnet56-2" in key_view([evidence("resnet20", "resnet56")])["text"]
    assert key_view([evidence("resnet20"), evidence("resnet20", "resnet20-2")])["model"] == "resnet20-2"
    assert key_view([evidence("resnet20")]) is None
