import re
import subprocess
import sys
import tomllib
from dataclasses import replace

import pytest
from torch import nn

import harness
from harness.results.declared_tuning import declare_tuning
from tests.analysis.tuned import declared, trial_at
from tests.helpers import REPOSITORY
from tests.helpers.synthetic import store, synthetic_result
from tests.helpers.tiny import CPU, make_case


@pytest.mark.parametrize("name", harness.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(harness, name)
    assert name in dir(harness)
    if callable(value):
        assert len(value.__doc__.split()) > 2


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'harness' has no attribute 'Recipes'"):
        _ = harness.Recipes


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import harness", {"torch", "pytest", "pydantic", "numpy", "importlib.metadata"}),
        ("import harness; harness.GTSRB, harness.Case, harness.Experiment, harness.__version__", {"torch", "pytest"}),
        ("import harness; harness.Result, harness.load_results, harness.ResultsFolder", {"torch", "pytest", "scipy"}),
        ("import harness; harness.train", {"pytest"}),
    ],
)
def test_a_name_is_imported_when_it_is_used(code, absent):
    program = f"import sys; {code}; print(sorted({absent} & sys.modules.keys()))"
    run = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_load_results_returns_every_result(tmp_path):
    kept = [store(tmp_path, synthetic_result("digits", model)) for model in ("resnet20", "resnet56")]
    results = harness.load_results(tmp_path)
    assert sorted(results, key=lambda result: result.model) == sorted(kept, key=lambda result: result.model)
    assert harness.load_results(str(tmp_path)) == results


def test_load_results_leaves_out_trials_of_learning_rates_unless_asked(tmp_path):
    declare_tuning(tmp_path, [declared("resnet20", 0.05)])
    run = store(tmp_path, synthetic_result("digits", "resnet20"))
    trial = store(tmp_path, trial_at("resnet20", 1_000_000, 0.02))
    assert harness.load_results(tmp_path) == [run]
    assert sorted(one.seed for one in harness.load_results(tmp_path, with_trials=True)) == [run.seed, trial.seed]
    (tmp_path / "tuning.json").write_text("{}")
    with pytest.raises(harness.InputError, match=r"tuning\.json"):
        harness.load_results(tmp_path)
    assert len(harness.load_results(tmp_path, skip_damaged=True)) == 2


def test_load_results_names_a_damaged_result_or_skips_it(tmp_path):
    store(tmp_path, synthetic_result("digits", "resnet20"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/result.json").write_text("{}")
    with pytest.raises(harness.InputError, match=r"broken/result\.json is not a result(.|\n)*skip_damaged=True"):
        harness.load_results(tmp_path)
    assert [result.model for result in harness.load_results(tmp_path, skip_damaged=True)] == ["resnet20"]


def test_load_results_names_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(harness.InputError, match="results folder .*/gone does not exist"):
        harness.load_results(tmp_path / "gone")


def test_a_case_is_trained_without_pytest(tiny_dataset, tmp_path):
    recipe = replace(
        harness.DIGITS, epochs=1, milestones=(), warmup_epochs=0, augmentation=harness.Augmentation((0.5,), (0.5,))
    )
    results = harness.ResultsFolder(str(tmp_path))
    result = harness.train(make_case(tiny_dataset, recipe=recipe), tiny_dataset, results, CPU)
    assert result.is_complete
    assert harness.load_results(tmp_path) == [result]


def test_an_own_network_is_trained_without_pytest(tiny_dataset, tmp_path):
    model = harness.Family("net", build_net)(depth=1)
    mean, std = tiny_dataset.train.channel_sums().mean_and_std()
    recipe = harness.Standard(epochs=1).resolve(8, len(tiny_dataset.train), mean, std)
    network = harness.network_identity(model, tiny_dataset.spec)
    case = make_case(tiny_dataset, model=model.name, network=network, recipe=recipe)
    result = harness.train(case, tiny_dataset, harness.ResultsFolder(tmp_path), CPU)
    assert result.is_complete
    assert result.network.code
    assert repr(tiny_dataset).count("\n") == 0


def test_a_case_refuses_a_model_or_recipe_that_is_none(tiny_dataset):
    model = harness.Family("net", build_net)(depth=1)
    with pytest.raises(
        harness.InputError, match=r"model Model\(name='net1'.*: give .* network=harness.network_identity\(MODEL"
    ):
        make_case(tiny_dataset, model=model)
    with pytest.raises(harness.InputError, match=r"recipe Standard\(.* is not a Recipe: give .*Standard.resolve"):
        make_case(tiny_dataset, recipe=harness.Standard())


def build_net(depth, width, in_channels, num_classes):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, num_classes))


def test_a_data_folder_is_a_text_or_a_path(tmp_path):
    for folder in (tmp_path, str(tmp_path)):
        with pytest.raises(harness.InputError, match=f"dataset cifar10 is not in {tmp_path}: put "):
            harness.load_dataset("cifar10", folder)


def test_the_version_is_that_of_pyproject_and_of_the_citation():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert harness.__version__ in (version, "unknown"), "install again: python -m pip install -e ."
    assert f"\nversion: {version}\n" in (REPOSITORY / "CITATION.cff").read_text()


def test_newest_entry_of_the_changelog_is_the_citations_version_and_date():
    newest = re.search(r"^## \[(.+)\] - (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = (REPOSITORY / "CITATION.cff").read_text()
    assert newest.groups() == re.search(r"^version: (.+)\ndate-released: (.+)$", citation, re.MULTILINE).groups()
