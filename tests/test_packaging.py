"""The wheel and the source distribution, the extras, and tox's use of them.

`tox -e package` installs both into an empty environment.
"""

import configparser
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

import pytest

from tests.helpers import REPOSITORY
from tests.helpers.clean_environment import CleanEnvironment
from tests.lower_bounds import lower_bounds

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]


def git_files(*folders):
    """The files that git knows or would add, as it names them."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (REPOSITORY / name).is_file()}


def build(kind, sources, folder):
    """Build a wheel or a source distribution without network; setuptools also writes beside its sources."""
    pytest.importorskip("setuptools", reason="building needs setuptools: python -m pip install -e '.[dev]'")
    program = f"from setuptools.build_meta import build_{kind} as build; build({str(folder)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=sources, check=True, capture_output=True, timeout=300)
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def sdist_path(tmp_path_factory):
    """The source distribution, built from a copy of the files in git."""
    sources = tmp_path_factory.mktemp("sources")
    for name in git_files():
        (sources / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, sources / name)
    return build("sdist", sources, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel_path(sdist_path, tmp_path_factory):
    """The wheel, built from the source distribution."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist_path) as archive:
        archive.extractall(folder, filter="data")
    return build("wheel", *folder.iterdir(), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def wheel(wheel_path):
    """The wheel's content."""
    with zipfile.ZipFile(wheel_path) as archive:
        yield archive


def test_wheel_has_every_file_of_the_package_and_its_metadata(wheel):
    about = f"wider_or_deeper-{PROJECT['version']}.dist-info"
    metadata = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt")
    assert set(wheel.namelist()) == git_files("harness") | {f"{about}/{name}" for name in metadata}


def test_sdist_has_the_package_the_experiments_and_the_documents(sdist_path):
    with tarfile.open(sdist_path) as archive:
        names = {path.name.partition("/")[2] for path in archive if path.isfile()}
    made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name}
    assert names - made == git_files("harness", "bench", "docs") | {
        "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "README.md", "SECURITY.md",
        "conftest.py", "pyproject.toml",
    }  # fmt: skip


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


def try_out(environment, folder):
    """Use the installed package as its user does, in a folder of the user's."""
    imported = environment.succeed("python -c 'import harness; print(harness.__file__)'", folder)
    assert imported.startswith(str(environment.venv))
    assert environment.succeed("wider-or-deeper --version", folder) == f"wider-or-deeper {PROJECT['version']}\n"
    assert "\nresnet110 " in environment.succeed("wider-or-deeper models", folder)
    assert "fashionmnist" in environment.succeed("wider-or-deeper data", folder)
    environment.succeed("wider-or-deeper new my_bench.py", folder)
    assert "1 passed" in environment.succeed("python -m pytest my_bench.py -k resnet8-seed", folder)
    assert (folder / "report/index.html").is_file()
    smoke = environment.succeed("python -m pytest --pyargs harness.smoke", folder)
    print(smoke)
    assert not re.search("skipped|warning", smoke)


@pytest.mark.slow
def test_installed_wheel_works_outside_the_checkout(wheel_path, tmp_path):
    environment, folder = CleanEnvironment(tmp_path / "clean"), tmp_path / "outside"
    folder.mkdir()
    command = [sys.executable, "-m", "pip", "--python", str(environment.venv / "bin/python"), "install", "--no-deps"]
    # Beside it, the environment of the tests may have an editable installation.
    command += ["--no-index", "--ignore-installed", str(wheel_path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    try_out(environment, folder)


@pytest.mark.package
def test_wheel_and_sdist_work_in_an_environment_that_was_empty(wheel_path, sdist_path, tmp_path):
    environment = CleanEnvironment(tmp_path / "clean", is_empty=True)
    try:
        assert set(environment.succeed("pip list --format=freeze | cut -d= -f1", tmp_path).split()) <= {
            "pip",
            "setuptools",
        }
        for path in (wheel_path, sdist_path):
            folder = tmp_path / path.suffix
            folder.mkdir()
            environment.succeed(f"pip install {path}", folder)
            environment.succeed("pip check", folder)
            try_out(environment, folder)
            environment.succeed("pip uninstall --yes wider-or-deeper", folder)
            assert environment.run("python -c 'from harness import train'", folder)[0] == 1  # nothing is left of it
    finally:
        shutil.rmtree(environment.venv)  # 6 GB


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


def test_every_mark_that_keeps_tests_apart_is_run_by_tox(pytestconfig):
    apart = {line.partition(":")[0] for line in pytestconfig.getini("markers") if "runs only with" in line}
    sections, _ = tox_environments()
    commands = "\n".join(section["commands"] for section in sections.values())
    expressions = re.findall(r"-m \"([^\"]+)\"|-m (\w+)", commands)
    assert "slow" in apart
    assert apart <= {mark for one in expressions for mark in "".join(one).split(" or ")}


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
