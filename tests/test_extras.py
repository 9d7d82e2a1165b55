import importlib.metadata
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from harness import extras
from harness.errors import InputError
from harness.extras import how_to_install, require_extra
from tests.helpers import REPOSITORY

EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def installed_elsewhere(monkeypatch, folder, requirements):
    """Let the package lie in a folder without pyproject.toml, with these requirements in its metadata."""
    monkeypatch.setattr(extras, "_ABOVE_THE_PACKAGE", folder)
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: requirements)


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_command_names_the_checkout_from_any_folder(extra, tmp_path, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    assert how_to_install(extra) == f"python -m pip install -e '.[{extra}]'"
    monkeypatch.chdir(tmp_path)
    assert shlex.split(how_to_install(extra))[-1] == f"{REPOSITORY}[{extra}]"


def test_the_command_of_a_wheel_names_the_requirements(tmp_path, monkeypatch):
    lines = ["numpy<3,>=2.0", 'ray<3,>=2.51; extra == "ray"', 'ruff<1; extra == "dev"']
    lines += ['mypy<3; python_version >= "3" and extra == "dev"', 'tox; python_version < "3" and extra == "dev"']
    installed_elsewhere(monkeypatch, tmp_path, lines)
    assert how_to_install("ray") == "python -m pip install 'ray<3,>=2.51'"
    assert how_to_install("dev") == "python -m pip install 'ruff<1' 'mypy<3'"


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_installed_metadata_has_the_extras_requirements(extra, tmp_path, monkeypatch):
    lines = [f'{requirement}; extra == "{name}"' for name, group in EXTRAS.items() for requirement in group]
    installed_elsewhere(monkeypatch, tmp_path, lines)
    command = shlex.split(how_to_install(extra))
    every = [one for name, group in sorted(EXTRAS.items()) if name != "dev" for one in group]
    assert list(map(Requirement, command[4:])) == list(map(Requirement, every if extra == "dev" else EXTRAS[extra]))


def test_require_extra_imports_what_is_installed():
    assert require_extra("os.path", "ray", "--engine ray").join("a", "b") == str(Path("a/b"))


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.inner"])
def test_a_missing_package_is_named_with_the_command(module):
    with pytest.raises(InputError) as refusal:
        require_extra(module, "ray", "--engine ray")
    assert str(refusal.value) == f"--engine ray needs no_such_package, install it: {how_to_install('ray')}"


def test_a_folder_of_the_same_name_is_not_taken_for_the_package(tmp_path, monkeypatch):
    (tmp_path / "no_such_package").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="needs no_such_package, install it"):
        require_extra("no_such_package", "hf", "dataset hf:owner/name")


def test_a_missing_package_of_the_package_itself_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "broken_extra.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_package"):
        require_extra("broken_extra", "ray", "--engine ray")


def test_no_message_names_the_project_as_if_on_an_index():
    listed = subprocess.run(
        ["git", "grep", "-nE", r"install ['\"`]?wider-or-deeper\["], cwd=REPOSITORY, capture_output=True
    )
    assert listed.stdout.decode() == ""
