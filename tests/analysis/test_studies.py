import hashlib
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from harness.analysis.comparison import image_note
from harness.analysis.stored_result import StoredResult
from harness.analysis.studies import group_into_studies
from harness.config.recipes import CIFAR10, DIGITS
from harness.results.result import LearningCurve
from tests.analysis.synthetic_evidence import grouped, stored
from tests.helpers.synthetic import failed_result, outcome, synthetic_result


def test_results_that_differ_only_in_model_and_seed_are_one_study():
    (evidence,) = grouped(*(synthetic_result(model=model, seed=seed) for model in ("resnet20", "resnet56")
                             for seed in (3, 0)))  # fmt: skip
    assert (evidence.dataset, evidence.title, evidence.file_name) == ("cifar10", "CIFAR-10", "cifar10")
    assert (evidence.models, evidence.seeds) == (["resnet20", "resnet56"], [0, 3])
    assert list(evidence.of("resnet20")) == [0, 3]
    assert evidence.is_trained_as_published
    assert evidence.of("resnet110") == {}


@pytest.mark.parametrize(
    "changes",
    [{"mode": "shortened"}, {"mode": "quick"}]
    + [{"case_changes": one} for one in (
        {"pipeline": "reference"}, {"precision": "bf16"}, {"device_kind": "cuda"}, {"val_split": 0.1},
        {"shortcut": "B"}, {"data_fingerprint": "1" * 64}, {"deterministic": True}, {"train_fraction": 0.5},
        {"recipe": replace(CIFAR10, milestones=(1, 2))}, {"recipe": CIFAR10.with_epochs(150)},
    )],
)  # fmt: skip
def test_results_with_different_conditions_are_separate_studies(changes):
    found = grouped(synthetic_result(), synthetic_result(model="resnet56", **changes))
    assert sorted(one.models for one in found) == [["resnet20"], ["resnet56"]]
    assert len({one.file_name for one in found}) == 2


def test_digits_of_an_earlier_split_and_recipe_are_another_study():
    recipe = replace(DIGITS, epochs=20, milestones=(12, 17))
    earlier = {"recipe": recipe, "data_fingerprint": "1" * 64}
    found = grouped(synthetic_result("digits", "resnet20-4", case_changes=earlier), synthetic_result("digits"))
    assert {(one.epochs, one.is_trained_as_published): one.models for one in found} == {
        (20, False): ["resnet20-4"], (24, True): ["resnet20"]
    }  # fmt: skip


def by_recipe(name, learning_rate=0.1, **changes):
    return synthetic_result(
        "digits", case_changes={"recipe": replace(DIGITS, name=name, learning_rate=learning_rate, **changes)}
    )


def titles_by_recipes(*names):
    found = grouped(*(by_recipe(name, 0.1 + place) for place, name in enumerate(names)))
    assert len({one.file_name.casefold() for one in found}) == len(names)
    return [one.title for one in sorted(found, key=lambda one: one.runs[0].result.case.recipe.learning_rate)]


def test_recipes_of_different_names_are_shown_by_name():
    assert titles_by_recipes("digits-lr0.1", "digits-lr0.02") == [
        "digits · recipe digits-lr0.1", "digits · recipe digits-lr0.02"
    ]  # fmt: skip
    assert titles_by_recipes("digits", "mine") == ["digits · recipe digits", "digits · recipe mine"]
    found = grouped(by_recipe("digits-lr0.1"), by_recipe("digits-lr0.02", 0.02))
    assert {one.file_name for one in found} == {"digits-recipe-digits-lr0.1", "digits-recipe-digits-lr0.02"}


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (("mine", "mine", "other"), [r"mine [0-9a-f]{6}", r"mine [0-9a-f]{6}", "other"]),
        (("", "mine"), ["[0-9a-f]{6}", "mine"]),
        (("a" * 30 + "1", "a" * 30 + "2"), [r"a{23}… [0-9a-f]{6}"] * 2),
        (("tab\tand\nline", "  spaces  "), ["tab and line", "spaces"]),
        (("lr 0.1", "lr\t0.1"), [r"lr 0\.1 [0-9a-f]{6}"] * 2),
        (("Mine", "mine"), ["Mine", "mine"]),
        (("../../etc/x", "ω=2 & <b>"), [r"\.\./\.\./etc/x", "ω=2 & <b>"]),
    ],
)
def test_a_recipes_hash_is_shown_only_if_names_clash(names, shown):
    for title, pattern in zip(titles_by_recipes(*names), shown, strict=True):
        assert re.fullmatch(f"digits · recipe {pattern}", title)


def test_recipes_of_full_and_shortened_studies_do_not_clash():
    full = [by_recipe("a"), by_recipe("b", 0.2)]
    shortened = by_recipe("a", epochs=3, milestones=())
    shortened = replace(shortened, mode="shortened", case=replace(shortened.case, mode="shortened"))
    assert {one.title for one in grouped(*full, shortened)} == {
        "digits · recipe a", "digits · recipe b", "digits · shortened (3 epochs)"
    }  # fmt: skip


def on_share(fraction, epochs=None):
    recipe = DIGITS if epochs is None else DIGITS.with_epochs(epochs)
    mode = "full" if epochs is None else "shortened"
    changes = {"train_fraction": fraction, "recipe": recipe}
    return synthetic_result("digits", mode=mode, case_changes=changes)


def test_titles_name_schedules_and_shares_of_the_images_alone():
    assert {one.title: one.file_name for one in grouped(on_share(0.1))} == {
        "digits · 10 % of the training images": "digits"
    }
    asked = [on_share(share, epochs) for share in (0.125, 1.0) for epochs in (None, 6, 12)]
    assert {one.title: one.file_name for one in grouped(*asked)} == {
        "digits · all training images": "digits-fraction1",
        "digits · 12.5 % of the training images": "digits-fraction0.125",
        "digits · all training images · shortened (6 epochs)": "digits-6-epochs-fraction1-shortened",
        "digits · all training images · shortened (12 epochs)": "digits-12-epochs-fraction1-shortened",
        "digits · 12.5 % of the training images · shortened (6 epochs)": "digits-6-epochs-fraction0.125-shortened",
        "digits · 12.5 % of the training images · shortened (12 epochs)": "digits-12-epochs-fraction0.125-shortened",
    }


def test_milestones_are_named_if_nothing_else_differs():
    other = by_recipe("digits", DIGITS.learning_rate, milestones=(7, 9))
    assert {one.title for one in grouped(synthetic_result("digits"), other)} == {
        "digits · milestones 14, 20, warm-up 3", "digits · milestones 7, 9, warm-up 3"
    }  # fmt: skip


def test_studies_are_ordered_full_first():
    found = grouped(
        *(synthetic_result(dataset, mode=mode) for mode in ("quick", "full") for dataset in ("digits", "cifar10"))
    )
    assert [(one.dataset, one.mode) for one in found] == [
        ("cifar10", "full"), ("cifar10", "quick"), ("digits", "full"), ("digits", "quick")
    ]  # fmt: skip
    assert [one.file_name for one in found] == ["cifar10", "cifar10-smoke", "digits", "digits-smoke"]
    assert [one.is_trained_as_published for one in found] == [True, False, True, False]


def test_results_of_several_folders_are_separate_studies():
    found = group_into_studies([stored(synthetic_result(), root) for root in ("here", "there")])
    assert [one.title for one in found] == ["CIFAR-10 · here", "CIFAR-10 · there"]
    assert found[0].subject == found[1].subject


def test_titles_and_file_names_have_no_absolute_path():
    found = group_into_studies([stored(synthetic_result(), f"/home/person/{name}/results") for name in ("a", "b")])
    assert [one.title for one in found] == ["CIFAR-10 · a/results", "CIFAR-10 · b/results"]
    assert all("person" not in one.file_name for one in found)


def of_folder(path, **changes):
    """A result on images of their own, unless their fingerprint is among the changes."""
    images = {"data_fingerprint": hashlib.sha256(path.encode()).hexdigest()}
    return synthetic_result("digits", case_changes=images | changes).under_name(path)


def test_a_renamed_folder_is_one_study_under_its_latest_name():
    same = "1" * 64
    before, now, copy = (of_folder(f"folder:/x/{name}", data_fingerprint=same) for name in ("before", "now", "copy"))
    now = replace(now, model="resnet56", case=replace(now.case, model="resnet56"), finished_at="2026-11-24T12:00")
    found = grouped(copy, before, now, of_folder("folder:/x/before"))
    assert {one.dataset: one.models for one in found} == {
        "folder:/x/now": ["resnet20", "resnet56"], "folder:/x/before": ["resnet20"]
    }  # fmt: skip
    assert len({one.subject for one in found}) == 2
    assert {one.dataset for one in found[0].results} == {found[0].dataset}


def test_image_folder_is_a_study_named_after_it():
    (evidence,) = grouped(of_folder("folder:/x/photos"))
    assert (evidence.title, evidence.file_name) == ("photos", "folder-photos")
    assert not evidence.is_trained_as_published


@pytest.mark.parametrize(
    ("paths", "titles"),
    [
        (("folder:/x/photos", "folder:/y/photos"), ["x/photos", "y/photos"]),
        (("folder:/x/my photos", "folder:/x/my-photos"), ["my photos", "my-photos"]),
        (("folder:/x/Photos", "folder:/x/photos"), ["Photos", "photos"]),
        (("folder:/x/a b/photos", "folder:/x/a-b/photos"), ["a b/photos", "a-b/photos"]),
        (("folder:/x/photos", "folder:/z/x/photos"), ["x/photos", "z/x/photos"]),
    ],
)
def test_image_folders_with_similar_names_have_separate_files(paths, titles):
    found = grouped(*map(of_folder, paths))
    assert [one.title for one in found] == titles
    assert len({one.file_name.casefold() for one in found}) == 2
    assert all(set(one.file_name) & set("/: ") == set() for one in found)


def test_full_study_and_smoke_run_never_share_files():
    smoke = of_folder("folder:/x/photos", mode="quick")
    found = grouped(of_folder("folder:/x/photos-smoke"), replace(smoke, mode="quick"))
    assert len({one.file_name for one in found}) == 2


def test_file_names_fit_file_systems():
    found = grouped(*(of_folder(f"folder:/{letter * 200}/photos") for letter in "ab"))
    assert len({one.file_name for one in found}) == 2
    assert all(len(one.file_name) <= 120 for one in found)


def test_latest_result_of_a_model_and_seed_counts():
    old = synthetic_result(accuracy_percent=89.0, finished_at="2026-11-22T12:00:00.000+00:00")
    new = synthetic_result(accuracy_percent=91.0, case_changes={"compiled": True})
    for results in ((old, new), (new, old)):
        (evidence,) = grouped(*results)
        assert [run.accuracy_percent for run in evidence.runs] == [91.0]
        assert evidence.superseded == (old,)


@pytest.mark.parametrize("status", ["diverged", "out_of_memory", "failed"])
def test_incomplete_results_are_not_runs(status):
    failed = failed_result(status, seed=1)
    (evidence,) = grouped(synthetic_result(), failed, failed_result(status, model="resnet110"))
    assert (evidence.models, evidence.seeds) == (["resnet20"], [0])
    assert len(evidence.incomplete) == 2
    assert len(evidence.results) == 3
    assert list(evidence.values("resnet20", "accuracy_percent")) == [0]


def test_study_without_a_complete_result_has_no_runs():
    (evidence,) = grouped(failed_result())
    assert (evidence.runs, evidence.models, evidence.axes, evidence.classes) == ((), [], None, [])
    assert not evidence.is_trained_as_published
    assert evidence.mean("resnet20", "accuracy_percent") is None


def test_run_has_the_figures_of_its_result():
    result = synthetic_result(accuracy_percent=91.5, epoch_seconds=2.0)
    (run,) = grouped(result)[0].runs
    assert (run.accuracy_percent, run.params, run.macs) == (91.5, 269_722, 40_550_000)
    assert (run.epoch_seconds, run.total_seconds) == (2, 600)
    assert run.marginal_gain == pytest.approx(91.5 / 600)
    assert len(run.recall_percent) == 10
    assert sum(run.recall_percent.values()) / 10 == pytest.approx(91.5)


def test_correct_images_are_read_from_predictions():
    labels, predictions = outcome("cifar10", 90.0, 0)
    (evidence,) = group_into_studies([stored(synthetic_result(), predicted=(labels, predictions))])
    assert evidence.runs[0].read_correct().mean() == pytest.approx(0.9)
    assert grouped(synthetic_result())[0].runs[0].read_correct() is None


def test_predictions_are_read_once_for_all_comparisons():
    reads = []
    accuracies = {"resnet20": 89.0, "resnet32": 89.5, "resnet56": 90.0, "resnet20-2": 91.0}
    kept = []
    for model, accuracy in accuracies.items():
        predicted = outcome("cifar10", accuracy, 0)
        result = synthetic_result(model=model, predicted=predicted)
        read = lambda model=model, predicted=predicted: reads.append(model) or predicted  # noqa: E731
        kept.append(StoredResult(result, Path("results"), read, lambda: None))
    (evidence,) = group_into_studies(kept)
    assert all(image_note(evidence, *pair).method == "McNemar" for pair in combinations(accuracies, 2))
    assert sorted(reads) == sorted(accuracies)


def test_learning_curves_are_read_once():
    reads = []
    curve = LearningCurve((80.0, 90.0), 0.1)
    (evidence,) = group_into_studies(
        [StoredResult(synthetic_result(), Path("results"), lambda: None, lambda: reads.append(1) or curve)]
    )
    assert [evidence.runs[0].read_curve() for _ in range(3)] == [curve] * 3
    assert reads == [1]
