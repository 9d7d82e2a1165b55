"""The files that `plan` collects: those that pytest takes for files, else ``bench``."""

import pytest

from harness.errors import InputError
from harness.plugin.collect import collect_experiments

TEST = """
import pytest
@pytest.mark.experiment("digits", models=["{}"])
def test_{}(trained):
    pass
"""


@pytest.fixture
def project(pytester):
    """A project with experiments in ``bench`` and in ``tests``, and files that options may name."""
    for folder, model in {"bench": "resnet8", "tests": "resnet20"}.items():
        pytester.mkdir(folder).joinpath(f"test_{model}.py").write_text(TEST.format(model, model))
    for name in ("out.json", "junit.xml", "log.txt", "resnet8"):
        (pytester.path / name).write_text("{}")
    pytester.makeini("[pytest]\ntestpaths = tests\n")
    pytester.makefile(".cfg", other="[tool:pytest]\nseeds = 7\n", wrong="[pytest]\nseeds = 7\n")
    return pytester


def models(*arguments):
    return [experiment.model for experiment in collect_experiments(arguments)[1]]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--benchmark-json", "out.json", "--junit-xml", "junit.xml", "--log-file", "log.txt"),
        ("--benchmark-storage", "tests", "--junitxml", "junit.xml", "--basetemp", "tests"),
        ("--rootdir", "tests", "--confcutdir", "tests", "--import-mode", "importlib"),
        ("-k", "resnet8", "-m", "not tests", "-o", "log_file=log.txt"),
        ("--ignore", "tests", "--deselect", "tests/test_resnet20.py"),
        ("--results-dir", "tests", "--wod-data-dir", "tests"),
    ],
)
@pytest.mark.filterwarnings("ignore:Not saving anything, no benchmarks have been run")
def test_an_options_value_is_not_taken_for_a_file(arguments, project):
    assert models(*arguments) == ["resnet8"]


@pytest.mark.filterwarnings("ignore:Not saving anything, no benchmarks have been run")
def test_files_of_an_earlier_run_are_left_as_they_are(project):
    project.makeini("[pytest]\nlog_file = log.txt\n")
    assert models("--junit-xml", "junit.xml", "--benchmark-json", "out.json") == ["resnet8"]
    assert {(project.path / name).read_text() for name in ("out.json", "junit.xml", "log.txt")} == {"{}"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--full-training", "tests"),
        ("--junit-xml", "junit.xml", "tests/test_resnet20.py::test_resnet20"),
        ("-k", "resnet", "--", "tests"),
    ],
)
def test_files_in_the_arguments_replace_bench(arguments, project):
    assert models(*arguments) == ["resnet20"]


def test_bench_itself_can_be_named_with_others(project):
    assert models("bench", "tests") == ["resnet8", "resnet20"]


@pytest.mark.parametrize(
    ("variable", "addopts", "expected"),
    [
        ("--junit-xml junit.xml", "", ["resnet8"]),
        ("", "--log-file log.txt", ["resnet8"]),
        ("tests", "", ["resnet20"]),
    ],
)
def test_arguments_of_addopts_count_too(variable, addopts, expected, project, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", variable)
    project.makeini(f"[pytest]\naddopts = {addopts}\n")
    assert models() == expected


def test_the_settings_are_those_of_the_ini_file_that_is_named(project):
    settings, experiments = collect_experiments(["-c", "other.cfg", "--full-training"])
    assert settings.seeds == (7,)
    assert [one.model for one in experiments] == ["resnet8"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--junit-xml", "junit.xml"), "this folder has no bench: name a bench file"),
        (("--version",), "pytest 9"),
        (("--no-such-option", "tests"), "unrecognized arguments: --no-such-option"),
        (("-c", "wrong.cfg", "tests"), "in setup.cfg files is no longer supported"),
        (("none.py",), "file or directory not found: none.py"),
    ],
)
def test_what_is_not_collected_is_an_input_error(arguments, says, project):
    (project.path / "bench").rename(project.path / "elsewhere")
    with pytest.raises(InputError, match=says):
        collect_experiments(arguments)
