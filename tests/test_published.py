import pytest

from harness.models import parse_model
from harness.published import CLAIMS, LITERATURE, MMACS, PUBLISHED, STUDY, exact_parameters
from harness.recipes import PUBLISHED_RECIPES

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
def test_every_figure_is_the_papers(dataset, model, figures):
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


def test_nothing_else_is_published_and_all_of_it_is_in_the_study_in_its_order():
    assert list(PUBLISHED) == [(dataset, model) for dataset, model, _ in ROWS]
    assert {dataset: models for dataset, models in STUDY.items() if dataset != "digits"} == {
        dataset: tuple(table) for dataset, table in TABLES.items()
    }


@pytest.mark.parametrize(("dataset", "hours"), [("cifar10", 13.2), ("fashionmnist", 4.7), ("gtsrb", 27.0)])
def test_the_authors_hours_on_a_dataset(dataset, hours):
    seconds = sum(row.total_seconds for row in PUBLISHED.values() if row.dataset == dataset)

    assert round(seconds / 3600, 1) == hours


def test_the_study_took_its_author_45_hours():
    assert round(sum(row.total_seconds for row in PUBLISHED.values()) / 3600, 1) == 45.0


def test_total_seconds_are_those_of_the_recipes_epochs():
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
        ("digits", "resnet20-4", 4_286_026 - 288 * 4),
    ],
)
def test_parameters_are_the_papers(dataset, name, parameters):
    assert exact_parameters(dataset, name) == parameters


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "resnet32"),
        ("cifar10", "resnet50"),
        ("gtsrb", "resnet20"),
        ("digits", "resnet20-8"),
        ("folder:/some/where", "resnet20"),
        ("cifar10", "nonsense"),
    ],
)
def test_parameters_of_other_pairs_are_not_known(dataset, name):
    assert exact_parameters(dataset, name) is None


def test_multiply_accumulates_are_the_papers():
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


def test_the_literatures_figures_are_the_sources_own():
    he, akamaster, chenyaofo = LITERATURE

    assert he.source.startswith("He et al. 2016")
    assert he.accuracy_percent == {
        "resnet20": 91.25,
        "resnet32": 92.49,
        "resnet44": 92.83,
        "resnet56": 93.03,
        "resnet110": 93.57,
    }
    assert akamaster.source.startswith("akamaster")
    assert akamaster.accuracy_percent == {
        "resnet20": 91.73,
        "resnet32": 92.63,
        "resnet44": 93.10,
        "resnet56": 93.39,
        "resnet110": 93.68,
    }
    assert chenyaofo.source.startswith("chenyaofo")
    assert chenyaofo.accuracy_percent == {"resnet20": 92.60, "resnet32": 93.53, "resnet44": 94.01, "resnet56": 94.37}


def test_every_model_of_the_study_has_its_canonical_name_and_every_dataset_its_recipe():
    for dataset, models in STUDY.items():
        assert dataset in PUBLISHED_RECIPES
        assert len(set(models)) == len(models)
        for name in models:
            assert parse_model(name).name == name


def test_the_study_goes_from_depth_to_width():
    for models in STUDY.values():
        order = [(parse_model(name).width, parse_model(name).depth) for name in models]
        assert order == sorted(order)


def test_claims_1_to_18_are_all_there_in_order():
    assert [claim.number for claim in CLAIMS] == list(range(1, 19))
    assert all(claim.statement and claim.audit for claim in CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: f"C{claim.number}")
def test_the_papers_own_numbers_order_as_it_claims(claim):
    for dataset, model, other in claim.more_accurate:
        assert PUBLISHED[dataset, model].accuracy_percent > PUBLISHED[dataset, other].accuracy_percent
        assert PUBLISHED[dataset, model].final_accuracy_percent > PUBLISHED[dataset, other].final_accuracy_percent


def test_claims_about_accuracy_are_the_first_eight():
    assert [claim.number for claim in CLAIMS if claim.more_accurate] == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize(
    ("number", "pairs"),
    [
        (1, {("cifar10", "resnet20-2", "resnet56"), ("cifar10", "resnet20-4", "resnet110")}),
        (2, {("cifar10", "resnet20-8", other) for other in CIFAR10 if other != "resnet20-8"}),
        (3, {("fashionmnist", "resnet20-4", other) for other in FASHIONMNIST if other != "resnet20-4"}),
        (4, {("fashionmnist", "resnet20-2", "resnet56")}),
        (5, {("fashionmnist", "resnet20-4", "resnet20-8")}),
        (6, {("gtsrb", "resnet101", other) for other in GTSRB if other != "resnet101"}),
        (7, {("gtsrb", "resnet24-2", "resnet24-4")}),
        (8, {("gtsrb", "resnet101", "resnet24-4"), ("gtsrb", "resnet50", "resnet24-4")}),
    ],
)
def test_a_claim_compares_the_models_that_it_speaks_of(number, pairs):
    assert set(CLAIMS[number - 1].more_accurate) == pairs


def over(dataset, model, other):
    return round(PUBLISHED[dataset, model].accuracy_percent - PUBLISHED[dataset, other].accuracy_percent, 2)


def gain_percent(dataset, model, other):
    return round(100 * (PUBLISHED[dataset, model].marginal_gain / PUBLISHED[dataset, other].marginal_gain - 1), 1)


def figure_gain_percent(dataset, model, other):
    ours, theirs = (PUBLISHED[dataset, name].figure_marginal_gain for name in (model, other))
    return round(100 * (ours / theirs - 1), 1)


def epoch_time_ratio(dataset, model, other):
    return PUBLISHED[dataset, model].epoch_seconds / PUBLISHED[dataset, other].epoch_seconds


def test_the_audits_of_the_claims_are_what_the_tables_come_to():
    assert (over("cifar10", "resnet20-2", "resnet56"), over("cifar10", "resnet20-4", "resnet110")) == (0.84, 2.33)
    assert "+0.84, +2.33 pp" in CLAIMS[0].audit
    assert over("cifar10", "resnet20-8", "resnet110") == 3.64
    assert "3.64 pp over 110" in CLAIMS[1].statement
    assert over("fashionmnist", "resnet20-4", "resnet110") == 0.72
    assert "0.72 pp over 110" in CLAIMS[2].statement
    assert over("fashionmnist", "resnet20-2", "resnet56") == 0.11
    assert "0.11 pp over 56" in CLAIMS[3].statement
    assert over("fashionmnist", "resnet20-8", "resnet20-4") == -0.17
    assert "−0.17 pp" in CLAIMS[4].audit
    assert over("gtsrb", "resnet24-4", "resnet24-2") == -0.49
    assert "−0.49 pp" in CLAIMS[6].audit
    assert (over("gtsrb", "resnet101", "resnet24-4"), over("gtsrb", "resnet50", "resnet24-4")) == (2.29, 1.89)
    assert "2.29 and 1.89" in CLAIMS[7].audit


def test_the_audits_of_marginal_gain_are_what_tables_and_figure_come_to():
    pairs = [("fashionmnist", "resnet20-2", "resnet56"), ("cifar10", "resnet20-2", "resnet56")]
    assert [gain_percent(*pair) for pair in pairs] == [62.8, 51.9]
    assert [figure_gain_percent(*pair) for pair in pairs] == [65.5, 53.6]
    assert "+65.5 % on FashionMNIST, +53.6 % on CIFAR-10" in CLAIMS[8].statement
    assert "+62.8 %, +51.9 %" in CLAIMS[8].audit

    pairs = [("fashionmnist", "resnet20-4", "resnet110"), ("cifar10", "resnet20-4", "resnet110")]
    assert [gain_percent(*pair) for pair in pairs] == [64.7, -2.4]
    assert [figure_gain_percent(*pair) for pair in pairs] == [61.0, -1.6]
    assert "+61.0 % on FashionMNIST, −1.6 % on CIFAR-10" in CLAIMS[9].statement
    assert "+64.7 %, −2.4 %" in CLAIMS[9].audit


def test_the_audits_of_time_and_size_are_what_the_tables_come_to():
    assert round(100 * epoch_time_ratio("cifar10", "resnet20-4", "resnet110") - 100, 2) == 5.08
    assert round(100 - 100 * epoch_time_ratio("fashionmnist", "resnet20-4", "resnet110"), 1) == 38.8
    assert round(100 - 100 * epoch_time_ratio("fashionmnist", "resnet20-2", "resnet56"), 1) == 38.5
    assert CLAIMS[11].audit.startswith("+5.08 %; 38.8 % lower; 38.5 % lower")

    assert round(exact_parameters("cifar10", "resnet20-4") / exact_parameters("cifar10", "resnet110"), 2) == 2.48
    assert CLAIMS[12].audit == "2.48 times"
    assert round(epoch_time_ratio("cifar10", "resnet20-8", "resnet20-4"), 2) == 3.12
    assert round(epoch_time_ratio("fashionmnist", "resnet20-8", "resnet20-4"), 2) == 2.55
    assert CLAIMS[13].audit == "3.12 times; 2.55 times"
    assert round(exact_parameters("cifar10", "resnet20-4") / exact_parameters("cifar10", "resnet20-2"), 2) == 3.99
    assert "3.99 times per doubling" in CLAIMS[14].audit


def test_the_audit_of_the_literature_is_what_its_figures_come_to():
    he = LITERATURE[0].accuracy_percent
    models = ("resnet20", "resnet56", "resnet110")
    below = [round(he[model] - PUBLISHED["cifar10", model].accuracy_percent, 2) for model in models]

    assert below == [2.35, 3.10, 4.07]
    assert "2.35 / 3.10 / 4.07 pp below He et al." in CLAIMS[15].audit
