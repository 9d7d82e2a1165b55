import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from harness.training import command
from harness.training.command import this_command
from tests.helpers import REPOSITORY

VENV = Path(sys.executable).parent
SHOW = (
    "import json, sys\nfrom harness.training.command import this_command\nprint(json.dumps([this_command(), sys.argv]))"
)
RUN_MODULE = """import runpy, sys
sys.path.insert(0, "")
sys.argv = sys.argv[3:]
runpy.run_module(sys.argv[0], run_name="__main__")"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a module, scripts inside and outside PATH, and a bench of one test, as a user would have them."""
    (tmp_path / "show.py").write_text(SHOW)
    for place, name, program in (("bin", "show-it", SHOW), ("bin", "cov", RUN_MODULE), ("elsewhere", "show-it", SHOW)):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / name).write_text(f"#!{sys.executable}\n{program}\n")
        (tmp_path / place / name).chmod(0o755)
    (tmp_path / "elsewhere/python").symlink_to(sys.executable)
    (tmp_path / "test_it.py").write_text(f"def test_it():\n    {SHOW.replace(chr(10), chr(10) + '    ')}\n")
    (tmp_path / "run.py").write_text(
        "import pytest\npytest.main(['-q', '-s', '-p', 'no:harness.plugin', 'test_it.py'])"
    )
    return tmp_path


def shown(command_line, folder):
    """Run a shell's command line; return the command that the process has recorded, and its arguments."""
    path = os.pathsep.join([str(folder / "bin"), str(VENV), os.environ["PATH"]])
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PATH": path}
    ran = subprocess.run(
        command_line, cwd=folder, env=environment, shell=True, capture_output=True, text=True, timeout=60, check=True
    )
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("["))
    return json.loads(line)


@pytest.mark.parametrize(
    "typed",
    [
        "python show.py 'a b'",
        "python3 -m show -k 'digits and resnet20'",
        "python -X dev -W ignore -m show bench",
        "python -Xdev -um show bench",
        f"python -c {shlex.quote(SHOW)} x",
        "show-it report 'x y'",
        "cov run -m show -k x",
        "python -m pytest -q -s -p no:harness.plugin test_it.py",
        "pytest -q -s -p no:harness.plugin test_it.py",
        "python run.py",
        f"{sys.executable} -B -m show x",
    ],
)
def test_the_recorded_command_can_be_pasted_and_runs_the_same(typed, folder):
    recorded, arguments = shown(typed, folder)
    assert recorded == typed.replace(f"{VENV}/", "")
    assert shown(recorded, folder) == [recorded, arguments]


@pytest.mark.parametrize("typed", ["{0}/elsewhere/show-it x", "elsewhere/python -m show x"])
def test_a_program_outside_the_path_keeps_its_folder(typed, folder):
    recorded, arguments = shown(typed.format(folder), folder)
    assert "elsewhere/" in recorded
    assert shown(recorded, folder) == [recorded, arguments]


def test_a_session_without_a_command_line_is_a_comment(folder):
    program = "from harness.training.command import *\nprint([this_command()])\n"
    ran = subprocess.run(
        [sys.executable, "-i", "-q"], input=program, cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "['# in a notebook or an interactive session']"


def test_pytest_in_a_notebook_is_recorded_as_a_command(monkeypatch):
    monkeypatch.setattr(sys, "ps1", "In : ", raising=False)
    monkeypatch.setattr(command, "_pytest_arguments", None)
    command.note_pytest_arguments([Path("bench"), "-k", "digits and resnet20"])
    assert this_command() == "python -m pytest bench -k 'digits and resnet20'"


def test_the_plugin_notes_the_arguments_of_pytest(pytester, monkeypatch):
    monkeypatch.setattr(command, "_pytest_arguments", None)
    pytester.runpytest_inprocess("-p", "harness.plugin", "--collect-only", "--margin", "1")
    assert command._pytest_arguments[-4:] == ["harness.plugin", "--collect-only", "--margin", "1"]


def test_uv_is_recorded_since_only_it_finds_the_script(monkeypatch):
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    monkeypatch.setattr(sys, "orig_argv", [sys.executable, "-m", "pytest", "bench"])
    monkeypatch.setenv("PATH", str(VENV), prepend=os.pathsep)
    assert this_command() == f"uv run {Path(sys.executable).name} -m pytest bench"


def test_a_script_that_pipx_links_is_recorded_by_its_name(tmp_path, monkeypatch):
    link = tmp_path / "wider-or-deeper"
    link.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "orig_argv", ["/pipx/venvs/wider-or-deeper/bin/python", str(link), "report"])
    assert this_command() == "wider-or-deeper report"


@pytest.mark.parametrize(
    ("argv", "recorded"),
    [
        (["python", "-u", "-m", "pytest", "bench"], "torchrun --nproc-per-node 2 -m pytest bench"),
        (["python", "-u", "train.py", "x"], "torchrun --nproc-per-node 2 train.py x"),
        (["python", "-X", "dev", "-m", "pytest"], "torchrun --nproc-per-node 2 --no-python python -X dev -m pytest"),
    ],
)
def test_torchrun_is_recorded_instead_of_its_workers(argv, recorded, monkeypatch):
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setattr(sys, "orig_argv", argv)
    assert this_command() == recorded


def test_the_recorded_command_has_no_password(folder):
    recorded, arguments = shown("python show.py --storage es+http://me:hunter2@host/a --my-token=abc", folder)
    assert arguments[1:] == ["--storage", "es+http://me:hunter2@host/a", "--my-token=abc"]
    assert recorded == "python show.py --storage 'es+http://me:***@host/a' '--my-token=***'"
