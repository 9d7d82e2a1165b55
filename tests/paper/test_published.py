import pytest

from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.published import MMACS, PUBLISHED, STUDY_MODELS, exact_parameters

# model: accuracy (tables 4 and 6), accuracy (tables 5 and 7), F1, seconds per epoch, figure 7, recomputed gain
CIFAR10 = {
    "resnet20": (88.90, 88.90, 88.17, 9.4, 0.0312, 0.03152),
    "resnet56": (89.93, 89.93, 89.11, 14.3, 0.0207, 0.02096),
    "resnet110": (89.50, 89.50, 90.58, 23.6, 0.0125, 0.01264),
    "resnet20-2": (90.77, 90.77, 90.63, 9.5, 0.0318, 0.03185),
    "resnet20-4": (91.83, 91.83, 91.32, 24.8, 0.0123, 0.01234),
    "resnet20-8": (93.14, 93.14, 92.88, 77.3, 0.00401, 0.00402),
}
FASHIONMNIST = {
    "resnet20": (93.62, 93.61, 93.60, 8.1, 0.0771, 0.07705),
    "resnet56": (93.54, 93.51, 93.50, 14.8, 0.0420, 0.04214),
    "resnet110": (93.71, 93.70, 93.68, 25.3, 0.0251, 0.02469),
    "resnet20-2": (93.65, 93.59, 94.27, 9.1, 0.0695, 0.06861),
    "resnet20-4": (94.43, 94.33, 94.07, 15.48, 0.0404, 0.04067),
    "resnet20-8": (94.26, 94.17, 94.16, 39.4, 0.0160, 0.01595),
}
GTSRB = {
    "resnet24": (92.01, 92.01, 91.80, 201, None, 0.01144),
    "resnet50": (94.44, 94.44, 94.21, 224, None, 0.01054),
    "resnet101": (94.84, 94.84, 94.90, 314.7, None, 0.00753),
    "resnet24-2": (93.04, 93.04, 92.46, 438, None, 0.00531),
    "resnet24-4": (92.55, 92.55, 92.30, 1255.6, None, 0.00184),
}
TABLES = {"cifar10": CIFAR10, "fashionmnist": FASHIONMNIST, "gtsrb": GTSRB}
ROWS = [(dataset, model, figures) for dataset, table in TABLES.items() for model, figures in table.items()]
ROW_NAMES = [f"{dataset}-{model}" for dataset, model, _ in ROWS]


@pytest.mark.parametrize(("dataset", "model", "figures"), ROWS, ids=ROW_NAMES)
def test_every_figure_matches_the_paper(dataset, model, figures):
    row = PUBLISHED[dataset, model]

    assert (row.dataset, row.model) == (dataset, model)
    assert (
        row.accuracy_percent,
        row.final_accuracy_percent,
        row.macro_f1_percent,
        row.epoch_seconds,
        row.figure_marginal_gain,
    ) == figures[:5]


@pytest.mark.parametrize(("dataset", "model", "figures"), ROWS, ids=ROW_NAMES)
def test_marginal_gain_is_recomputed_from_the_tables(dataset, model, figures):
    assert round(PUBLISHED[dataset, model].marginal_gain, 5) == figures[5]


def test_published_rows_and_study_match_the_paper_in_order():
    assert list(PUBLISHED) == [(dataset, model) for dataset, model, _ in ROWS]
    assert {dataset: models for dataset, models in STUDY_MODELS.items() if dataset != "digits"} == {
        dataset: tuple(table) for dataset, table in TABLES.items()
    }


@pytest.mark.parametrize(("dataset", "hours"), [("cifar10", 13.2), ("fashionmnist", 4.7), ("gtsrb", 27.0)])
def test_authors_training_hours_per_dataset(dataset, hours):
    seconds = sum(row.total_seconds for row in PUBLISHED.values() if row.dataset == dataset)

    assert round(seconds / 3600, 1) == hours


def test_authors_training_hours_in_total_are_45():
    assert round(sum(row.total_seconds for row in PUBLISHED.values()) / 3600, 1) == 45.0


def test_total_seconds_are_over_the_recipes_epochs():
    assert PUBLISHED["cifar10", "resnet20"].total_seconds == pytest.approx(2820)
    assert PUBLISHED["fashionmnist", "resnet20"].total_seconds == pytest.approx(1215)
    assert PUBLISHED["gtsrb", "resnet50"].total_seconds == pytest.approx(8960)


@pytest.mark.parametrize(
    ("dataset", "name", "parameters"),
    [
        ("cifar10", "resnet20", 269_722),
        ("cifar10", "resnet56", 853_018),
        ("cifar10", "resnet110", 1_727_962),
        ("cifar10", "resnet20-2", 1_073_962),
        ("cifar10", "resnet20-4", 4_286_026),
        ("cifar10", "resnet20-8", 17_124_490),
        ("fashionmnist", "resnet20", 269_722 - 288),
        ("fashionmnist", "resnet56", 853_018 - 288),
        ("fashionmnist", "resnet110", 1_727_962 - 288),
        ("fashionmnist", "resnet20-2", 1_073_962 - 288 * 2),
        ("fashionmnist", "resnet20-4", 4_286_026 - 288 * 4),
        ("fashionmnist", "resnet20-8", 17_124_490 - 288 * 8),
        ("gtsrb", "resnet24", 19_964_523),
        ("gtsrb", "resnet50", 23_596_139),
        ("gtsrb", "resnet101", 42_588_267),
        ("gtsrb", "resnet24-2", 79_578_283),
        ("gtsrb", "resnet24-4", 317_753_643),
        ("digits", "resnet8", 75_290 - 288),
        ("digits", "resnet20", 269_722 - 288),
        ("digits", "resnet32", 464_154 - 288),
        ("digits", "resnet8-2", 298_026 - 288 * 2),
        ("digits", "resnet8-4", 1_185_866 - 288 * 4),
    ],
)
def test_parameters_match_the_paper(dataset, name, parameters):
    assert exact_parameters(dataset, name) == parameters


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "resnet32"),
        ("cifar10", "resnet50"),
        ("gtsrb", "resnet20"),
        ("digits", "resnet8-8"),
        ("folder:/some/where", "resnet20"),
        ("cifar10", "nonsense"),
    ],
)
def test_parameters_of_other_pairs_are_unknown(dataset, name):
    assert exact_parameters(dataset, name) is None


def test_multiply_accumulates_match_the_paper():
    assert MMACS == {
        ("cifar10", "resnet20"): 40.55,
        ("cifar10", "resnet56"): 125.49,
        ("cifar10", "resnet110"): 252.89,
        ("cifar10", "resnet20-2"): 161.3,
        ("cifar10", "resnet20-4"): 643.5,
        ("cifar10", "resnet20-8"): 2570.5,
        ("fashionmnist", "resnet20"): 30.8,
        ("fashionmnist", "resnet56"): 95.8,
        ("fashionmnist", "resnet110"): 193.4,
        ("fashionmnist", "resnet20-2"): 123.1,
        ("fashionmnist", "resnet20-4"): 491.8,
        ("fashionmnist", "resnet20-8"): 1966,
        ("gtsrb", "resnet24"): 3638,
        ("gtsrb", "resnet50"): 4625,
        ("gtsrb", "resnet101"): 8886,
        ("gtsrb", "resnet24-2"): 14314,
        ("gtsrb", "resnet24-4"): 56773,
    }


def test_study_has_canonical_models_and_a_recipe_per_dataset():
    for dataset, models in STUDY_MODELS.items():
        assert dataset in PUBLISHED_RECIPES
        assert len(set(models)) == len(models)
        for name in models:
            assert parse_model(name).name == name


def test_study_lists_depth_before_width():
    for models in STUDY_MODELS.values():
        order = [(parse_model(name).width, parse_model(name).depth) for name in models]
        assert order == sorted(order)
