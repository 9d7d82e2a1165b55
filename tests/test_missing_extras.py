"""The tests without the packages of pyproject.toml's extras.

Without hypothesis, one line says what to install; tests of another missing package are skipped by name.
"""

import os
import re
import subprocess
import sys

import pytest

from tests.helpers import REPOSITORY

EXTRAS = (
    "axe_playwright_python", "datasets", "mlflow", "onnx", "onnxruntime", "onnxscript", "playwright", "ray",
    "tensorboard", "timm", "yaml",
)  # fmt: skip
IMPORT = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(EXTRAS)})\b|importorskip\(", re.MULTILINE)
OF_RAY = "tests/study/engines/cluster/test_node_pool.py"


@pytest.fixture
def run_without(tmp_path):
    """Run pytest in the repository without some packages; return its exit code and its output."""

    def run(packages, *arguments, **variables):
        hidden = "".join(f"sys.modules[{package!r}] = None\n" for package in packages)
        (tmp_path / "hidden_packages.py").write_text(f"import sys\n{hidden}")
        environment = {name: value for name, value in os.environ.items() if name != "NO_MISSING_EXTRAS"}
        environment |= {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)]), **variables}
        command = [sys.executable, "-m", "pytest", "-p", "hidden_packages", "-p", "no:cacheprovider", *arguments]
        ran = subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        return ran.returncode, ran.stdout + ran.stderr

    return run


@pytest.mark.slow
def test_without_hypothesis_one_line_says_what_to_install(run_without):
    code, output = run_without(["hypothesis"], "-p", "no:hypothesispytest")
    assert code == pytest.ExitCode.USAGE_ERROR
    assert output.strip() == ("ERROR: hypothesis is not installed: the tests need `python -m pip install -e '.[dev]'`")


@pytest.mark.slow
def test_tests_of_a_missing_extra_are_skipped_by_name(run_without):
    folders = {path.parent for path in REPOSITORY.glob("tests/**/test_*.py") if IMPORT.search(path.read_text())}
    code, output = run_without(EXTRAS, "--collect-only", "-q", "-rs", *map(str, folders - {REPOSITORY / "tests"}))
    assert code == pytest.ExitCode.OK, output
    skipped = re.findall(r"^SKIPPED \[\d+\] (\S+?):\d+: (.+)$", output, re.MULTILINE)
    assert OF_RAY in [path for path, _ in skipped]
    for path, reason in skipped:
        assert re.search("|".join(EXTRAS), reason, re.IGNORECASE), (path, reason)


@pytest.mark.slow
def test_under_tox_a_missing_extra_is_an_error(run_without):
    code, output = run_without(["ray"], OF_RAY, NO_MISSING_EXTRAS="1")
    assert code == pytest.ExitCode.INTERRUPTED
    assert "ModuleNotFoundError" in output
