from dataclasses import replace

import pytest

from harness.analysis.answer import Answer, Question
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from harness.report.topics.all import study_sections
from harness.report.topics.use import use_section
from tests.analysis.budget_studies import USE, WIDER, noisy

QUESTION = Question(Spread(0.3, True))


def section_of(evidence):
    return use_section(evidence, Comparisons(evidence), QUESTION)


def test_section_says_where_macs_mispredict():
    section = section_of(noisy(WIDER, use=USE))
    first, latency, throughput = section.sentences
    assert first.startswith("resnet20-4 against resnet110: 0.63 times the training time, 2.48 times the parameters, ")
    assert first.endswith("1.01 times the latency and 2.19 times the time per image of a batch.")
    # 110 and 20-4 have the same latency: no model is the faster one
    assert latency == "MACs name the cheaper of two models in 13 of 14 pairs whose latency differs by more than 5 %."
    assert throughput.startswith("MACs name the cheaper of two models in 15 of 15 pairs whose throughput ")
    assert [one.file_name for one in section.figures] == ["cifar10-use-accuracy"]
    assert [one.file_name for one in section.tables] == ["cifar10-use"]


def test_pairs_of_equal_macs_do_not_count():
    equal = noisy({"resnet20": 90.0, "resnet56": 91.0}, use={"resnet20": (1e-3, 1e-4), "resnet56": (2e-3, 2e-4)})
    runs = tuple(replace(one, macs=1e6) for one in equal.runs)
    assert [one for one in section_of(replace(equal, runs=runs)).sentences if "MACs name" in one] == []


def test_section_gives_the_reason_for_no_verdict():
    lacking = {("resnet56", 1): (None, 1e-3)}
    section = section_of(noisy(WIDER, use=USE | lacking))
    assert section.sentences[-1] == "No verdict at equal latency: 1 of 30 runs were disturbed or not measured."


@pytest.mark.parametrize("means", [WIDER, {"resnet20": 90.0}, {}])
def test_study_without_times_of_use_has_no_section(means):
    assert section_of(noisy(means)) is None


def test_one_model_and_one_seed_have_a_section():
    evidence = noisy({"resnet20": 90.0}, seeds=1, use=USE)
    assert section_of(evidence).sentences == []
    assert "What using each network costs" in [
        one.title for one in study_sections(evidence, Comparisons(evidence), QUESTION, Answer(""))
    ]
