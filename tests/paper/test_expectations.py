import math
from dataclasses import replace

import pytest

from harness.config.case import Case
from harness.config.recipes import CIFAR10, PUBLISHED_RECIPES
from harness.paper.expectations import min_accuracy_percent, unmet_expectations
from harness.paper.published import PUBLISHED, exact_parameters
from harness.results.result import SCHEMA_VERSION, Attempt, EpochRecord, Result

STARTED_AT = "2026-01-01T00:00:00+00:00"
TEST_IMAGES = {"cifar10": 10_000, "fashionmnist": 10_000, "gtsrb": 12_630}


def make_result(dataset="cifar10", model="resnet20", *, mode="full", epochs=None, shortcut="A", **changes):
    recipe = PUBLISHED_RECIPES.get(dataset, CIFAR10)
    recipe = recipe if epochs is None else recipe.with_epochs(epochs)
    case = Case(model, dataset, recipe, 0, mode, "cpu", "fp32", "f" * 64, shortcut=shortcut)
    result = Result(
        schema_version=SCHEMA_VERSION,
        status="complete",
        mode=mode,
        case=case,
        model=model,
        dataset=dataset,
        seed=0,
        params=exact_parameters(dataset, model) or 1,
        macs=1,
        accuracy_percent=99.0,
        best_accuracy_percent=99.0,
        best_epoch=1,
        macro_f1_percent=99.0,
        epochs=recipe.epochs,
        epoch_seconds=(1.0,) * recipe.epochs,
        train_seconds=1.0,
        eval_seconds=1.0,
        total_seconds=float(recipe.epochs),
        checkpoint_seconds=0.0,
        wall_seconds=2.0,
        compile_seconds=0.0,
        marginal_gain=1.0,
        images_per_second=1.0,
        peak_memory_bytes=1,
        train_images=1,
        evaluation_images=1,
        test_images=1,
        dataset_origin="here",
        dataset_verified=True,
        dataset_whole=True,
        stand_in=False,
        environment={},
        started_at=STARTED_AT,
        finished_at="2026-01-01T01:00:00+00:00",
        attempts=(Attempt(1, STARTED_AT, {}),),
        files={},
    )
    return replace(result, **changes)


def record(epoch, **changes):
    return replace(EpochRecord(epoch, 0.1, 1.0, 50.0, 1.0, 50.0, 1.0, 1.0, 1.0, 0.0, 3.0), **changes)


def records_of(result):
    return [record(epoch) for epoch in range(1, result.case.recipe.epochs + 1)]


def shortfalls_of(result):
    return unmet_expectations(result, records_of(result))


@pytest.mark.parametrize(("dataset", "model"), [*PUBLISHED, ("digits", "resnet32"), ("folder:/my/images", "resnet20")])
def test_case_that_meets_all_expectations_is_silent(dataset, model):
    assert shortfalls_of(make_result(dataset, model)) == []


@pytest.mark.parametrize("status", ["diverged", "out_of_memory", "failed"])
def test_incomplete_case_reports_only_status_and_cause(status):
    result = make_result(status=status, cause="the loss is nan in epoch 3", accuracy_percent=None, params=0)

    assert unmet_expectations(result, []) == [f"status is {status}: the loss is nan in epoch 3"]


@pytest.mark.parametrize("recorded", [0, 1, 23])
def test_missing_epochs_are_reported(recorded):
    result = make_result("digits")

    assert unmet_expectations(result, records_of(result)[:recorded]) == [
        f"{recorded} {'epoch is' if recorded == 1 else 'epochs are'} recorded, the recipe has 24",
    ]


def test_surplus_epochs_are_reported():
    result = make_result("digits")

    assert unmet_expectations(result, [*records_of(result), record(25)]) == [
        "25 epochs are recorded, the recipe has 24"
    ]


def test_shortened_case_must_record_its_own_epochs():
    result = make_result("digits", mode="shortened", epochs=5)

    assert unmet_expectations(result, [record(epoch) for epoch in range(1, 21)]) == [
        "20 epochs are recorded, the recipe has 5"
    ]
    assert unmet_expectations(result, [record(epoch) for epoch in range(1, 6)]) == []


@pytest.mark.parametrize("epochs", [[1, 1, *range(3, 25)], [2, 1, *range(3, 25)], list(range(24))])
def test_repeated_or_unordered_epochs_are_reported_as_such(epochs):
    found = unmet_expectations(make_result("digits"), [record(epoch) for epoch in epochs])

    assert len(found) == 1
    assert found != ["24 epochs are recorded, the recipe has 24"]


@pytest.mark.parametrize("field", ["train_loss", "evaluation_loss"])
@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_loss_that_is_not_finite_is_reported_with_its_epoch(field, loss):
    result = make_result("digits")
    records = records_of(result)
    records[2] = replace(records[2], **{field: loss})

    assert unmet_expectations(result, records) == ["epoch 3: a loss is not a number"]


@pytest.mark.parametrize(
    ("dataset", "model", "wanted"),
    [
        ("cifar10", "resnet20", "269,722"),
        ("fashionmnist", "resnet20-8", "17,122,186"),
        ("gtsrb", "resnet101", "42,588,267"),
        ("digits", "resnet20", "269,434"),
    ],
)
def test_wrong_parameter_count_is_reported(dataset, model, wanted):
    assert shortfalls_of(make_result(dataset, model, params=1234)) == [f"1,234 parameters, {wanted} are expected"]


def test_parameters_of_models_outside_the_paper_are_not_compared():
    assert shortfalls_of(make_result("cifar10", "resnet32", params=1234)) == []


def test_option_b_is_not_compared_with_option_a_parameters():
    assert shortfalls_of(make_result("cifar10", "resnet20", shortcut="B", params=272_474)) == []


def test_low_accuracy_is_reported():
    assert shortfalls_of(make_result(accuracy_percent=86.89)) == ["accuracy is 86.89 %, at least 86.90 % is expected"]
    assert shortfalls_of(make_result("digits", accuracy_percent=90.95)) == [
        "accuracy is 90.95 %, at least 91.00 % is expected"
    ]


@pytest.mark.parametrize(("dataset", "model"), PUBLISHED)
def test_accuracy_two_points_below_published_passes_one_image_less_fails(dataset, model):
    images, least = TEST_IMAGES[dataset], round(PUBLISHED[dataset, model].accuracy_percent - 2, 2)
    enough = math.ceil(round(least * images / 100, 6))

    assert shortfalls_of(make_result(dataset, model, accuracy_percent=100 * enough / images)) == []
    assert len(shortfalls_of(make_result(dataset, model, accuracy_percent=100 * (enough - 1) / images))) == 1


def test_accuracy_of_0_is_reported():
    assert shortfalls_of(make_result(accuracy_percent=0.0)) == ["accuracy is 0.00 %, at least 86.90 % is expected"]


def test_complete_case_without_an_accuracy_is_reported():
    assert len(shortfalls_of(make_result(accuracy_percent=None))) == 1


def test_all_unmet_expectations_are_reported():
    result = make_result("digits", params=1, accuracy_percent=50.0)

    assert unmet_expectations(result, [record(1, train_loss=math.nan)]) == [
        "1 epoch is recorded, the recipe has 24",
        "epoch 1: a loss is not a number",
        "1 parameters, 269,434 are expected",
        "accuracy is 50.00 %, at least 91.00 % is expected",
    ]


@pytest.mark.parametrize("dataset", ["cifar10", "fashionmnist", "digits"])
@pytest.mark.parametrize(
    "changes",
    [{"mode": "quick", "epochs": 2}, {"mode": "shortened", "epochs": 5}, {"dataset_whole": False}],
    ids=["quick", "shortened", "partial"],
)
def test_quick_shortened_and_partial_cases_have_no_expected_accuracy(dataset, changes):
    result = make_result(dataset, accuracy_percent=10.0, **changes)

    assert min_accuracy_percent(result) is None
    assert shortfalls_of(result) == []


@pytest.mark.parametrize(
    ("dataset", "model", "least"),
    [
        ("cifar10", "resnet20", 86.90),
        ("cifar10", "resnet20-8", 91.14),
        ("fashionmnist", "resnet20-2", 91.65),
        ("gtsrb", "resnet101", 92.84),
        ("digits", "resnet20", 91.0),
        ("digits", "resnet8-4", 91.0),
    ],
)
def test_least_accuracy_is_2_pp_below_published_and_91_for_digits(dataset, model, least):
    assert min_accuracy_percent(make_result(dataset, model)) == pytest.approx(least)


def test_digits_by_an_earlier_recipe_have_no_least_accuracy():
    result = make_result("digits", accuracy_percent=10.0)
    earlier = replace(result.case, recipe=replace(result.case.recipe, epochs=20, milestones=(12, 17)))

    assert min_accuracy_percent(replace(result, case=earlier)) is None


@pytest.mark.parametrize(("dataset", "model"), [("folder:/my/images", "resnet20"), ("cifar10", "resnet32")])
def test_unpublished_cases_have_no_least_accuracy(dataset, model):
    result = make_result(dataset, model, accuracy_percent=10.0)

    assert min_accuracy_percent(result) is None
    assert shortfalls_of(result) == []
