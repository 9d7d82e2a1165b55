"""The tests that a user runs after installing: they pass here, and each finds what it is for."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from tests.helpers import REPOSITORY

# A file, a text in it and what to write instead (None: the file is missing), and the test that has to fail.
FAULTS = {
    "a name": ("__init__.py", "harness.training.train.train", "harness.training.train.run", "public_name"),
    "the program": ("cli/main.py", "def main(", "def program_main(", "test_installation"),
    "a bias": ("models/resnet.py", "padding, bias=False)", "padding, bias=True)", "parameters"),
    "the momentum": ("training/run.py", "restore(kept.network, kept.momentum)", "restore(kept.network, {})", "bits"),
    "the page": ("report/page/page.html", None, None, "report"),
    "the guard": ("cli/check.py", "return verdict.exit_code\n\n\ndef", "return 1\n\n\ndef", "check"),
    "the bench file": ("cli/new_bench.txt", None, None, "own_file"),
    "the plugin": ("plugin/header.py", "wider-or-deeper: {_QUICK}", "{_QUICK}", "own_file"),
}


def failures(folder, *arguments, **variables):
    """Run the smoke tests in a folder; return the names of those that failed, and the number of those that passed."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "harness.smoke", "--junitxml", "junit.xml", *arguments]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ran = subprocess.run(command, cwd=folder, env=kept | variables, stdout=-1, stderr=-2, text=True, timeout=300)
    if not (folder / "junit.xml").is_file():
        return [ran.stdout], 0
    cases = list(ET.parse(folder / "junit.xml").iter("testcase"))
    failed = [f"{one.get('classname')}.{one.get('name')}" for one in cases if one.find("*") is not None]
    return failed, len(cases) - len(failed)


@pytest.mark.release  # those of an installed wheel are run in tests/test_packaging.py
def test_smoke_tests_pass_in_any_folder(tmp_path):
    failed, passed = failures(tmp_path)
    assert failed == []
    assert passed > 25


@pytest.mark.package
@pytest.mark.parametrize("fault", FAULTS)
def test_smoke_tests_find_a_fault(fault, tmp_path):
    name, text, instead, finds = FAULTS[fault]
    copy = tmp_path / "broken/harness"
    shutil.copytree(REPOSITORY / "harness", copy, ignore=shutil.ignore_patterns("__pycache__"))
    if text is None:
        (copy / name).unlink()
    else:
        content = (copy / name).read_text()
        assert content.count(text) == 1
        (copy / name).write_text(content.replace(text, instead))
    failed, _ = failures(tmp_path, "-x" if finds == "test_installation" else f"-k{finds}", PYTHONPATH=str(copy.parent))
    assert failed
    assert finds in failed[0]
