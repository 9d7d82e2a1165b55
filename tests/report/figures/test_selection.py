from dataclasses import replace

import pytest

from harness.config.recipes import CIFAR10
from harness.report.figures import selection
from harness.report.figures.selection import comparable_published_evidence, drawn_models, named_models, selection_note
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import evidence_of


@pytest.fixture
def evidence():
    accuracies = {"resnet20": 89.0, "resnet32": 89.4, "resnet56": 90.0, "resnet20-2": 90.9, "resnet56-2": 93.0}
    return evidence_of(*(synthetic_result(model=model, accuracy_percent=one) for model, one in accuracies.items()))


def test_few_models_are_all_drawn_and_named(evidence):
    assert drawn_models(evidence) == named_models(evidence) == evidence.models
    assert selection_note(evidence) == ""


def test_many_models_are_drawn_along_the_axes_and_the_best_named(evidence, monkeypatch):
    monkeypatch.setattr(selection, "MAX_CURVES", 4)
    assert drawn_models(evidence) == ["resnet20", "resnet32", "resnet56", "resnet20-2"]
    assert named_models(evidence) == ["resnet20", "resnet56", "resnet20-2", "resnet56-2"]
    assert selection_note(evidence) == " 4 of 5 models along the axes are drawn; the tables have all."


def test_published_evidence_is_returned_only_if_comparable():
    assert comparable_published_evidence(evidence_of(synthetic_result())).dataset == "cifar10"
    other = synthetic_result(case_changes={"recipe": replace(CIFAR10, learning_rate=0.05)})
    assert comparable_published_evidence(evidence_of(other)) is None
