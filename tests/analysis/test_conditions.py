from dataclasses import replace

from harness.analysis.conditions import condition_changes, conditions_of, group_by_conditions, labels_of
from tests.config.cases import CASE
from tests.helpers.synthetic import synthetic_result


def test_seeds_share_their_conditions_and_nothing_else_does():
    assert conditions_of(CASE) == conditions_of(replace(CASE, seed=5))
    assert conditions_of(CASE) != conditions_of(replace(CASE, precision="bf16"))
    results = [synthetic_result("digits", "resnet8", seed, 96.0) for seed in (2, 0, 1)]
    (group,) = group_by_conditions(results).values()
    assert [result.seed for result in group] == [0, 1, 2]


def test_changed_conditions_are_named_with_both_values():
    recipe = replace(CASE.recipe, learning_rate=0.05)
    changes = condition_changes(CASE, replace(CASE, recipe=recipe, seed=3, data_fingerprint="1" * 64))
    assert changes == ["recipe.learning_rate 0.1 → 0.05", "data_fingerprint 00000000 → 11111111"]
    assert condition_changes(CASE, replace(CASE, seed=3)) == []


def test_a_label_has_what_tells_namesakes_apart():
    half = replace(CASE, precision="bf16")
    assert set(labels_of([CASE, replace(CASE, seed=1)]).values()) == {"cifar10 resnet20-4"}
    labels = labels_of([CASE, half])
    assert labels[conditions_of(CASE)] == "cifar10 resnet20-4 (precision fp32)"
    assert labels[conditions_of(half)] == "cifar10 resnet20-4 (precision bf16)"


def test_another_folder_of_the_same_own_images_is_no_change():
    here, there = (replace(CASE, dataset=f"folder:/{place}/signs") for place in ("here", "there"))
    assert conditions_of(here) == conditions_of(there)
    assert condition_changes(here, there) == []
