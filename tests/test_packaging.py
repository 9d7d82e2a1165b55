"""The wheel that `pip install wider-or-deeper` installs."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests.helpers import REPOSITORY

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "harness")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
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
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_the_wheel_has_every_module_and_data_file(wheel):
    suffixes = (".py", ".typed", ".html", ".css", ".js")
    wanted = {
        str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "harness").rglob("*") if path.suffix in suffixes
    }
    assert {name for name in wheel.namelist() if name.startswith("harness/")} == wanted | {"harness/py.typed"}


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
