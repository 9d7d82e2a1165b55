"""The wheel that `pip install wider-or-deeper` installs, the extras, and tox's use of them."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from tests.helpers import REPOSITORY
from tests.helpers.clean_environment import CleanEnvironment
from tests.lower_bounds import lower_bounds

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "harness")
EXTRAS = PROJECT["optional-dependencies"]


@pytest.fixture(scope="module")
def wheel_path(tmp_path_factory):
    """The wheel, built from a copy: setuptools writes beside its sources."""
    for needed in ("setuptools", "pip"):
        pytest.importorskip(needed, reason=f"building a wheel without network needs {needed}")
    sources, built = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("built")
    for name in SOURCES:
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        copy(REPOSITORY / name, sources / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built)]
    subprocess.run([*command, str(sources)], check=True, capture_output=True, timeout=300)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_path):
    """The wheel's content."""
    with zipfile.ZipFile(wheel_path) as archive:
        yield archive


@pytest.fixture
def installed(wheel_path, tmp_path):
    """An environment with the wheel and its dependencies, and no checkout."""
    environment = CleanEnvironment(tmp_path / "clean")
    python = tmp_path / "clean/venv/bin/python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index"]
    # Beside it, the environment of the tests may have an editable installation.
    subprocess.run([*command, "--ignore-installed", str(wheel_path)], check=True, capture_output=True, timeout=300)
    return environment


def test_the_wheel_has_every_module_and_data_file(wheel):
    files = (path for path in (REPOSITORY / "harness").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert {name for name in wheel.namelist() if name.startswith("harness/")} == {
        path.relative_to(REPOSITORY).as_posix() for path in files
    }
    assert {name.split("/")[0].split("-")[0] for name in wheel.namelist()} == {"harness", "wider_or_deeper"}


def test_the_wheel_has_the_program_and_the_pytest_plugin(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = wheel.read(name).decode()
    assert "[console_scripts]\nwider-or-deeper = harness.cli.main:main" in points
    assert "[pytest11]\nharness.plugin = harness.plugin" in points


def test_the_wheels_metadata_names_license_and_framework(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = wheel.read(name).decode()
    assert "License-Expression: MIT" in metadata
    assert "Classifier: Framework :: Pytest" in metadata


@pytest.mark.slow
def test_an_installed_wheel_trains_a_new_bench_file_outside_the_checkout(installed, tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    imported = installed.succeed("python -c 'import harness; print(harness.__file__)'", folder)
    assert imported.startswith(str(tmp_path / "clean/venv"))
    version = installed.succeed("wider-or-deeper --version", folder)
    assert version == "wider-or-deeper 0.1.0\n"
    installed.succeed("wider-or-deeper new my_bench.py", folder)
    assert "1 passed" in installed.succeed("python -m pytest my_bench.py -k resnet8-seed", folder)
    assert (folder / "report/index.html").is_file()


def tox_environments():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    sections = {name.removeprefix("testenv:"): tox[name] for name in tox.sections() if name.startswith("testenv:")}
    extras = {name: set(filter(None, section.get("extras", "").split(", "))) for name, section in sections.items()}
    return sections, extras


def test_extra_dev_has_every_other_extra():
    (dev,) = EXTRAS["dev"]
    name, _, others = dev.removesuffix("]").partition("[")
    assert name == "wider-or-deeper"
    assert sorted(others.split(",")) == sorted(EXTRAS.keys() - {"dev"})


def test_tox_environments_install_only_the_extras_that_they_use():
    sections, extras = tox_environments()
    assert extras["quick"] == extras["shapes"] == set()
    assert extras["types"] == {"types"}
    assert extras["tests"] == EXTRAS.keys() - {"dev", "docs", "lint", "types"}
    assert all("test" in extras[name] for name, section in sections.items() if "pytest tests" in section["commands"])
    assert sections["lint"]["skip_install"] == "true"
    assert sections["lint"]["deps"].splitlines() == EXTRAS["lint"]


def test_pythons_of_classifiers_tox_and_readme_agree():
    pythons = [name.rpartition(" ")[2] for name in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", name)]
    oldest, *others = pythons
    assert PROJECT["requires-python"] == f">={oldest}"
    for document in ("README.md", "docs/index.md"):
        assert f"Python {oldest} to {pythons[-1]}" in (REPOSITORY / document).read_text()
    sections, _ = tox_environments()
    (environments,) = (name for name in sections if name.startswith("py"))
    assert environments == "py{" + ",".join(one.replace(".", "") for one in others) + "}"
    assert sections["oldest"]["base_python"] == f"py{oldest.replace('.', '')}"


def test_missing_python_fails_in_tox_and_other_pythons_share_no_folder():
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    assert tox["tox"]["skip_missing_interpreters"] == "false"
    for name in ("testenv:py{312,313}", "testenv:oldest"):
        assert tox[name]["runner"] == "virtualenv"
        assert tox[name]["env_dir"] == "{work_dir}/{env_name}"


def test_tox_installs_the_lower_bound_of_every_dependency_and_extra():
    constraints = list(lower_bounds(PROJECT))
    others = [one for name, extra in EXTRAS.items() if name != "dev" for one in extra]
    assert len(constraints) == len(PROJECT["dependencies"]) + len(others)
    assert {"torch==2.11", "pandas==2.2.2", "tabulate==0.10"} <= set(constraints)
    sections, extras = tox_environments()
    (installed,) = re.findall(r"-c \S+ -e \.\[(.*)\]", sections["oldest"]["commands_pre"])
    assert set(installed.split(",")) == extras["tests"]


@pytest.mark.parametrize("requirement", ["rich", "rich<9", "rich==9", "rich~=9.1", "rich>9"])
def test_dependency_without_a_lower_bound_is_an_error(requirement):
    with pytest.raises(ValueError, match=f"'{requirement}' has no lower bound: write it as NAME>=VERSION"):
        list(lower_bounds({"name": "ours", "dependencies": [requirement], "optional-dependencies": {}}))
