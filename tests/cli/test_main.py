import json
import os
import re
import subprocess
import sys

import pytest

import harness
from harness.__main__ import main
from harness.text import printable_lines
from harness.training.source_commit import SourceCommit
from tests.helpers import REPOSITORY


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["models", "resnet21"], "error: unknown model 'resnet21'"),
        (
            ["models", "resnet20", "--input", "32"],
            "error: --input '32': give channels, height and width of at most 9 digits, e.g. 3x32x32",
        ),
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
    for arguments in (["train"], ["models", "--fast"], ["--fast"]):
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
    assert "usage: wider-or-deeper plan [--json] [PYTEST ARGUMENTS]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("commit", "says"),
    [(None, ""), ("0123456789" * 4, " (commit 0123456)"), ("0123456789" * 4 + "+", " (commit 0123456+)")],
)
def test_version_has_the_commit_of_a_checkout(commit, says, monkeypatch, capsys):
    monkeypatch.setattr("harness.training.source_commit.source_commit", lambda: SourceCommit(commit))
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == f"wider-or-deeper {harness.__version__}{says}\n"


def test_without_a_command_the_help_is_printed(capsys):
    assert main([]) == 0
    assert "usage: python -m harness [-h]" in (shown := capsys.readouterr().out)
    assert "`python -m harness COMMAND --help` explains a command." in shown


def commands():
    listed = re.findall(r"^    ([a-z]+) ", _help(), re.MULTILINE)
    return [name for name in dict.fromkeys(listed) if name != "pytest"]


def _help(*arguments):
    environment = os.environ | {"COLUMNS": "80", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "harness", *arguments, "--help"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


def test_every_help_fits_a_terminal_and_ends_with_an_example():
    assert max(map(len, _help().splitlines())) <= 80
    assert {"models", "data", "plan", "report", "evaluate", "schema"} <= set(commands())
    for name in commands():
        lines = _help(name).splitlines()
        assert max(map(len, lines)) <= 80, name
        assert lines[-1].startswith(f"  python -m harness {name} "), name


def test_an_error_of_the_system_is_one_line(capsys):
    assert main(["report", f"/{'a' * 5000}"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: /aaa")
    assert message.endswith(" cannot be read: File name too long\n")
    assert len(message.splitlines()) == 1


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


def test_names_cannot_control_the_terminal_and_json_keeps_them(tmp_path, capsys):
    name = "\x1b[2J\u202ered\x9b"
    for split in ("train", "test"):
        for label in (name, "b"):
            (tmp_path / f"{name}/{split}/{label}").mkdir(parents=True)
    assert main(["report", str(tmp_path / name)]) == 2
    assert main(["data", f"folder:{tmp_path / name}"]) == 2
    assert main(["data", f"folder:{tmp_path / name}", "--json"]) == 2
    captured = capsys.readouterr()
    for text in captured:
        assert printable_lines(text) == text
    assert r"\x1b[2J\u202ered\u009b" in captured.err
    (dataset,) = json.loads(captured.out[captured.out.index("{") :])["datasets"]
    assert dataset["dataset"] == f"folder:{tmp_path / name}"


@pytest.mark.parametrize("stream", ["closed", "full"])
def test_lost_error_line_keeps_the_exit_code(stream, monkeypatch, capsys):
    if stream == "closed":
        monkeypatch.setattr(sys, "stderr", None)
        assert main(["models", "resnet21"]) == 2
        assert capsys.readouterr().out == ""
        return
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert main(["models", "resnet21"]) == 2


def test_reader_that_has_seen_enough_is_no_error(monkeypatch):
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["models", "resnet20"]) == 0


def test_code_of_a_command_stays_although_its_reader_left(monkeypatch):
    monkeypatch.setattr("harness.cli.main._run", lambda *_: print("worse", flush=True) or 1)
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["models"]) == 1


def test_lost_output_of_a_command_is_an_error(monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["models", "resnet20"]) == 2
    assert capsys.readouterr().err == "error: [Errno 28] No space left on device\n"
