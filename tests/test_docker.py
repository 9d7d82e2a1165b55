"""The Dockerfile, read line by line.

`tox -e examples` runs its steps in a clean environment; no Docker is needed.
"""

import fnmatch
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.helpers import REPOSITORY
from tests.helpers.clean_environment import CleanEnvironment

FOLDERS = ("app", "study")  # of the image, at its root


def instructions():
    """Each instruction of the Dockerfile and its arguments."""
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    return [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]


def arguments(wanted):
    return [value for name, value in instructions() if name == wanted]


def is_ignored(path):
    """Check if .dockerignore leaves the path out: the last pattern that matches decides."""
    ignored = False
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line and not line.startswith("#") and any(fnmatch.fnmatch(one, pattern) for one in (path, Path(path).name)):
            ignored = not line.startswith("!")
    return ignored


def test_python_of_the_image_is_one_that_the_package_supports():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    (python,) = (value.removeprefix("PYTHON=") for value in arguments("ARG") if value.startswith("PYTHON="))
    assert arguments("FROM") == ["python:${PYTHON}-slim"]
    assert f"Programming Language :: Python :: {python}" in project["classifiers"]


def test_copied_files_exist_and_are_in_the_context():
    sources = {source for value in arguments("COPY") for source in value.split()[:-1]}
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert not is_ignored(source), source
    kept = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert kept == sources
    assert is_ignored(".git")
    assert is_ignored("harness/data/__pycache__")


def test_container_runs_as_a_user_with_the_volume_as_its_folder():
    assert arguments("USER") == ["study"]
    assert arguments("VOLUME") == [arguments("WORKDIR")[-1]] == ["/study"]
    assert "HOME=/study" in arguments("ENV")[0].split()
    assert isinstance(json.loads(arguments("CMD")[0]), list)  # a shell would not pass docker's signals on to pytest
    names = [name for name, _ in instructions()]
    assert names[-1] == "CMD"
    assert names.index("USER") > len(names) - 1 - names[::-1].index("RUN")


@pytest.fixture
def image(tmp_path):
    """A function that maps the image's folders in a text to folders of this test."""
    for folder in FOLDERS:
        (tmp_path / folder).mkdir()
    return lambda text: re.sub(rf"(?<![\w.])/({'|'.join(FOLDERS)})\b", rf"{tmp_path}/\1", text)


def copy(value, folder):
    *sources, _ = value.split()
    for source in sources:
        if (REPOSITORY / source).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPOSITORY / source, folder / source, ignore=ignore)
        else:
            shutil.copy(REPOSITORY / source, folder)


@pytest.mark.examples
def test_steps_of_the_dockerfile_build_and_run_the_digits_study(image, tmp_path):
    environment, folder = CleanEnvironment(tmp_path / "clean"), tmp_path
    variables = {}
    for name, value in instructions():
        if name == "ARG":
            variables |= dict([value.split("=", 1)]) if "=" in value else {}
        elif name == "ENV":
            variables |= dict(one.split("=", 1) for one in image(value).split())
        elif name == "WORKDIR":
            folder = Path(image(value))
        elif name == "COPY":
            copy(value, folder)
        elif name == "RUN" and not value.startswith("useradd"):
            print(environment.succeed(image(value), folder, **variables))
        elif name == "CMD":
            output = environment.succeed(" ".join(json.loads(image(value))), folder, **variables)
    print(output)
    assert "25 passed" in output
    assert "digits: 5 models, 5 seeds, 1,437 test images" in output
    assert re.search(r" wider .* resnet8-[24]$", output, re.MULTILINE)  # at which budgets depends on the threads
    assert "Warning" not in output
    assert (tmp_path / "study/report/index.html").is_file()
    assert f"{tmp_path}/clean/venv" in environment.succeed(
        "python -c 'import harness; print(harness.__file__)'", folder
    )
