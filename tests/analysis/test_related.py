from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.evidence import published_evidence
from harness.analysis.learning_rates import ModelTrials, Tuning
from harness.analysis.related import of_equal_networks, related_studies
from harness.config.recipes import CIFAR10
from tests.analysis.synthetic_evidence import grouped
from tests.helpers.synthetic import synthetic_result

RESULT = synthetic_result()


def result(epochs=300, recipe=CIFAR10, **changes):
    """A result by CIFAR-10's recipe with other epochs; further changes are those of its case."""
    mode = changes.pop("mode", "full" if epochs == 300 else "shortened")
    changes = {"recipe": recipe if epochs == 300 else recipe.with_epochs(epochs), "mode": mode} | changes
    return replace(RESULT, case=replace(RESULT.case, **changes), mode=mode)


def values(studies, condition):
    """The groups' values, checked against the studies that they name."""
    found = related_studies(studies, condition)
    if condition == "epochs":
        assert all(studies[place].epochs == value for group in found for value, place in group.items())
    return [list(group) for group in found]


def test_schedules_of_one_recipe_are_related_in_ascending_order():
    studies = grouped(result(100), result(), result(30))
    assert values(studies, "epochs") == [[30, 100, 300]]
    assert values(studies, "train_fraction") == []


@pytest.mark.parametrize("changes", [
    {"val_split": 0.1}, {"train_fraction": 0.5}, {"data_fingerprint": "1" * 64}, {"precision": "bf16"},
    {"device_kind": "cuda"}, {"shortcut": "B"}, {"recipe": replace(CIFAR10, learning_rate=0.05).with_epochs(30)},
    {"recipe": replace(CIFAR10, milestones=(100, 225)).with_epochs(30)}, {"recipe": replace(CIFAR10, milestones=())},
    {"mode": "quick"},
])  # fmt: skip
def test_studies_that_differ_in_more_are_not_related(changes):
    assert related_studies(grouped(result(), result(30, **changes)), "epochs") == []


def test_studies_of_tuned_rates_are_related_among_themselves():
    """Whatever rates their first models chose: the recipe's own rate is what they share."""
    rates, studies = {30: 0.02, 100: 0.1, 300: 0.05}, []
    for epochs, chosen in rates.items():
        plain = grouped(result(epochs))[0]
        at_chosen = result(epochs, recipe=replace(CIFAR10, learning_rate=chosen))
        trials = ModelTrials("resnet20", 0.1, (), (), chosen)
        studies += [plain, replace(grouped(at_chosen)[0], tuning=Tuning((trials,)))]
    found = related_studies(studies, "epochs")
    assert [{studies[place].tuning is not None for place in group.values()} for group in found] == [{False}, {True}]
    assert values(studies, "epochs") == [[30, 100, 300]] * 2


def test_models_of_an_older_network_are_dropped_and_named():
    def own(network, day, share):
        changed = result(train_fraction=share, network=network)
        return replace(changed, finished_at=f"2026-11-{day}T12:00:00.000+00:00")

    studies = {one.used_results[0].case.train_fraction: one for one in grouped(own("a", 23, 0.1), own("b", 24, 1.0))}
    kept, others = of_equal_networks(studies)
    assert others == {0.1: ["resnet20"]}
    assert [len(one.runs) for one in kept.values()] == [0, 1]
    assert of_equal_networks({1.0: studies[1.0]}) == ({1.0: studies[1.0]}, {})


def test_shares_of_the_images_are_related():
    slow = replace(CIFAR10, learning_rate=0.05)
    studies = grouped(
        result(),
        result(train_fraction=0.1),
        result(train_fraction=0.5),
        result(recipe=slow),
        result(30, train_fraction=0.1),
    )
    assert values(studies, "train_fraction") == [[0.1, 0.5, 1.0]]
    assert values(studies, "epochs") == [[30, 300]]


def test_published_figures_are_related_to_nothing():
    paper = published_evidence("cifar10")
    assert related_studies([paper, replace(paper, epochs=30)], "epochs") == []


@given(st.lists(st.integers(1, 299), min_size=2, max_size=5, unique=True))
def test_rounded_milestones_of_one_recipe_stay_related(epochs):
    studies = grouped(*map(result, epochs))
    assert values(studies, "epochs") == [sorted(epochs)]
