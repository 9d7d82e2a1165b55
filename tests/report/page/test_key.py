from harness.report.page.key import key_view
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


def test_key_of_one_axis_and_of_none():
    assert [one["model"] for one in key_view([evidence("resnet20", "resnet56")])["drawings"]] == [
        "resnet20",
        "resnet56",
    ]
    assert "A second number, as in resnet56-2" in key_view([evidence("resnet20", "resnet56")])["text"]
    assert key_view([evidence("resnet20"), evidence("resnet20", "resnet20-2")])["model"] == "resnet20-2"
    assert key_view([evidence("resnet20")]) is None
