import os
import subprocess
import sys

import pytest

import harness
from harness.__main__ import main
from tests.helpers import REPOSITORY


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["models", "resnet21"], "error: unknown model 'resnet21'"),
        (["models", "resnet20", "--input", "32"], "error: --input '32': give channels, height and width, e.g. 3x32x32"),
        (["models", "resnet20", "--classes", "0"], "error: --classes '0': give a whole number, 1 or more"),
        (["data", "--data-dir", "/no/such"], "error: --data-dir /no/such does not exist"),
        (["report", "--results-dir", "/no/such"], "error: --results-dir /no/such does not exist"),
    ],
)
def test_wrong_input_is_one_line_on_stderr_and_exit_code_2(arguments, says, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(says)
    assert len(captured.err.splitlines()) <= 2
    assert captured.out == ""


def test_an_unknown_command_or_option_exits_with_2(capsys):
    for arguments in (["train"], ["models", "--fast"], []):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert exit_.value.code == 2
    assert "usage: python -m harness" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/venv/bin/wider-or-deeper", "wider-or-deeper.exe"])
def test_the_installed_program_has_its_own_name_in_its_usage(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [path])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "usage: wider-or-deeper [-h]" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["plan", "--help"])
    assert "usage: wider-or-deeper plan [PYTEST ARGUMENTS]" in capsys.readouterr().out


def test_version_prints_the_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"wider-or-deeper {harness.__version__}\n"


def test_output_in_ascii_shows_what_it_can():
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "harness", "models", "resnet8"]
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0
    assert "resnet8" in ran.stdout


def test_help_does_not_import_torch():
    check = (
        "import sys; from harness.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\nprint('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    assert ran.stdout.splitlines()[-1] == "False"
    assert "pytest bench -k digits --full-training" in ran.stdout
