import pytest

from harness.config.families import parse_model
from harness.paper.literature import LITERATURE, METHOD_RESULTS, SeveralRuns

# Accuracies in percent, or 100 minus the test error, by source, as the sources print them.
HE = {
    "resnet20": 91.25,
    "resnet32": 92.49,
    "resnet44": 92.83,
    "resnet56": 93.03,
    "resnet110": 93.57,
    "resnet1202": 92.07,
}
AKAMASTER = {"resnet20": 91.73, "resnet32": 92.63, "resnet44": 93.10, "resnet56": 93.39, "resnet110": 93.68}
CHENYAOFO = {"resnet20": 92.60, "resnet32": 93.53, "resnet44": 94.01, "resnet56": 94.37}
TORCHDISTILL = {
    "resnet20": 91.92, "resnet32": 93.03, "resnet44": 93.20, "resnet56": 93.57, "resnet110": 93.50,
    "wrn40-4": 95.24, "wrn28-10": 95.53, "wrn16-8": 94.76,
}  # fmt: skip
HYSTS_ERRORS = {"preresnet110": 6.47, "preresnet164": 5.90, "wrn28-10": 4.03}
IDENTITY_ERRORS = {"preresnet110": 6.37, "preresnet164": 5.46, "preresnet1001": 4.62}  # 4.92 with batches of 128
WIDE_ERRORS = {
    "wrn16-4": 5.02, "wrn16-8": 4.27, "wrn28-10": 4.00, "wrn40-4": 4.53, "wrn52": 6.43, "wrn22-8": 4.38,
    "wrn16-4-dropout0.3": 5.24, "wrn28-10-dropout0.3": 3.89, "wrn52-dropout0.3": 6.28,
}  # fmt: skip


def of_errors(errors):
    return {model: pytest.approx(100 - error) for model, error in errors.items()}


def figures_of(source, dataset="cifar10"):
    found = [one.accuracy_percent for one in LITERATURE if one.source.startswith(source) and one.dataset == dataset]
    return {model: accuracy for figures in found for model, accuracy in figures.items()}


@pytest.mark.parametrize(
    ("source", "figures"),
    [
        ("He et al. 2016,", HE),
        ("akamaster", AKAMASTER),
        ("chenyaofo", CHENYAOFO),
        ("torchdistill", TORCHDISTILL),
        ("hysts", of_errors(HYSTS_ERRORS)),
        ("He et al. 2016b", of_errors(IDENTITY_ERRORS)),
        ("Zagoruyko", of_errors(WIDE_ERRORS)),
    ],
)
def test_literature_figures_match_their_sources(source, figures):
    assert figures_of(source) == figures


def test_means_over_runs_match_their_sources():
    repeated = {model: runs for one in LITERATURE for model, runs in one.repeated.items()}
    assert repeated == {
        "resnet110": SeveralRuns(mean_percent=93.39, spread_percent=0.16, runs=5),
        "preresnet1001": SeveralRuns(mean_percent=95.31, spread_percent=0.20, runs=5),
    }
    batches_of_128 = next(one for one in LITERATURE if "batch 128" in one.training)
    assert batches_of_128.accuracy_percent["preresnet1001"] == pytest.approx(100 - 4.92)


def test_fashionmnist_figures_match_the_readme():
    assert figures_of("FashionMNIST README", "fashionmnist") == {"wrn40-4": 96.7, "wrn28-10": 95.9}
    methods = {one.method: one.accuracy_percent for one in METHOD_RESULTS if one.dataset == "fashionmnist"}
    assert methods == {"ResNet-18": 94.9, "human": 83.5}


def test_airbench_figures_match_its_readme():
    methods = {one.method: one.accuracy_percent for one in METHOD_RESULTS if one.dataset == "cifar10"}
    assert methods == {"airbench94": 94.01, "airbench95": 95.01, "airbench96": 96.03}


def test_every_figure_is_of_a_model_of_the_harness_and_names_the_training():
    for one in LITERATURE:
        assert one.training
        assert set(one.repeated) <= set(one.accuracy_percent)
        for name in one.accuracy_percent:
            assert parse_model(name).name == name
