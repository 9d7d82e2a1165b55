import re
import shlex
import warnings
from types import SimpleNamespace

import pytest

from harness.__main__ import main
from harness.config.datasets import LIBRARY_PREFIXES, OWN_PREFIXES, SPECS
from harness.config.recipes import PUBLISHED_RECIPES, Recipe
from harness.config.standard import Standard
from harness.paper.published import PUBLISHED, STUDY_MODELS


@pytest.fixture
def new(pytester, capsys):
    """Run `new` in an empty folder; return the exit code and what it prints on both streams."""

    def run(*arguments):
        code = main(["new", *arguments])
        return code, capsys.readouterr()

    return run


@pytest.mark.slow
def test_written_file_runs_in_a_real_pytest(new, pytester):
    code, printed = new("my_bench.py")
    assert code == 0
    assert "pytest my_bench.py --full-training" in printed.out
    ran = pytester.runpytest_subprocess("-p", "harness.plugin", "my_bench.py")
    ran.assert_outcomes(passed=3)
    ran.stdout.fnmatch_lines(["*digits*"])


@pytest.mark.parametrize(
    ("mode", "accuracy", "status", "passes"),
    [
        ("quick", 10, "complete", True),
        ("full", 81, "complete", True),
        ("full", 79, "complete", False),
        ("quick", None, "failed", False),
    ],
)
def test_written_file_requires_accuracy_of_full_runs_only(mode, accuracy, status, passes, new, pytester):
    new("my_bench.py")
    names = {}
    exec((pytester.path / "my_bench.py").read_text(), names)
    trained = SimpleNamespace(mode=mode, accuracy_percent=accuracy, is_complete=status == "complete", cause="a cause")
    if passes:
        names["test_my_bench"](trained)
    else:
        with pytest.raises(AssertionError):
            names["test_my_bench"](trained)


def test_no_accuracy_is_required_of_own_images(new, pytester):
    new("my_bench.py", "--dataset", "folder:flowers")
    names = {}
    exec((pytester.path / "my_bench.py").read_text(), names)
    names["test_my_bench"](SimpleNamespace(mode="full", accuracy_percent=50.0, is_complete=True))


@pytest.mark.parametrize("dataset", [*SPECS, "folder:~/my flowers"])
def test_every_dataset_gets_models_and_a_recipe_that_exist(dataset, new, pytester):
    assert new("test_own-images.py", "--dataset", dataset)[0] == 0
    text = (pytester.path / "test_own-images.py").read_text()
    (recipe,) = re.findall(r"^#     (import .*\n)#     (RECIPE = .*\n)", text, re.MULTILINE)
    names = {}
    exec("".join(recipe), names)  # the comment's own lines
    assert isinstance(names["RECIPE"], Recipe if dataset in SPECS else Standard)
    exec(text, names)
    assert names["DATASET"] == dataset
    assert set(names["MODELS"]) <= set(STUDY_MODELS.get(dataset, STUDY_MODELS["cifar10"]))
    assert "test_own_images" in names
    assert dataset not in PUBLISHED_RECIPES or f"harness.{dataset.upper()}," in text


def test_file_and_help_name_every_kind_of_dataset(new, pytester, capsys):
    new("my_bench.py")
    with pytest.raises(SystemExit):
        main(["new", "--help"])
    for text in ((pytester.path / "my_bench.py").read_text(), capsys.readouterr().out):
        assert all(prefix in text for prefix in (*OWN_PREFIXES, *LIBRARY_PREFIXES))


def test_own_network_in_the_comment_gives_models(new, pytester):
    new("my_bench.py")
    text = (pytester.path / "my_bench.py").read_text()
    (lines,) = re.findall(r"^((?:#     .*\n){3})MODELS", text, re.MULTILINE)
    names = {"build": lambda depth, width, in_channels, num_classes: None}
    exec(lines.replace("#     ", ""), names)
    assert [model.name for model in names["MODELS"]] == ["mynet1", "mynet3", "mynet1-2"]


def test_required_accuracy_is_below_every_published_one():
    from harness.cli.new import _LEAST_PERCENT

    assert min(row.accuracy_percent for row in PUBLISHED.values()) > _LEAST_PERCENT + 2


def test_existing_file_is_not_overwritten(new, pytester):
    (pytester.path / "my_bench.py").write_text("mine")
    code, printed = new("my_bench.py")
    assert code == 2
    assert printed.err == "error: my_bench.py exists, and is not overwritten: give another name\n"
    assert (pytester.path / "my_bench.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["my_bench"], "error: my_bench is not the name of a Python file: give e.g. my_bench.py\n"),
        (["no/such/my_bench.py"], "error: cannot write no/such/my_bench.py (No such file or directory): give a file"),
        (["my_bench.py", "--dataset", "cifar"], "error: unknown dataset 'cifar': the datasets are cifar10, "),
    ],
)
def test_wrong_file_or_dataset_is_named_and_nothing_written(arguments, says, new, pytester):
    code, printed = new(*arguments)
    assert code == 2
    assert printed.err.startswith(says)
    assert list(pytester.path.iterdir()) == []


@pytest.mark.parametrize("odd", ['it"""s', r"back\new\slash", "a b", "$dataset", 'ends with "', "é"])
def test_odd_names_of_file_and_dataset_give_valid_python(odd, new, pytester):
    code, printed = new(f"{odd}.py", "--dataset", f"folder:{odd}")
    assert code == 0
    text = (pytester.path / f"{odd}.py").read_text(encoding="utf-8")
    names = {}
    with warnings.catch_warnings(action="error"):  # of an invalid escape
        exec(text, names)
    assert names["DATASET"] == f"folder:{odd}"
    command = f"pytest {shlex.quote(f'{odd}.py')} --full-training"
    assert command in printed.out
    assert command in names["__doc__"]
