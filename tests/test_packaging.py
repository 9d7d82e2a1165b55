"""The wheel that `pip install wider-or-deeper` installs, the extras, and tox's use of them."""

import configparser
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

from tests.helpers import REPOSITORY
from tests.helpers.clean_environment import CleanEnvironment

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "harness")
EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]


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
    assert extras["tests"] == EXTRAS.keys() - {"dev", "lint", "types"}
    assert all("test" in extras[name] for name, section in sections.items() if "pytest tests" in section["commands"])
    assert sections["lint"]["skip_install"] == "true"
    assert sections["lint"]["deps"].splitlines() == EXTRAS["lint"]
