"""Commands that run without pytest read pytest's ini file as pytest does."""

import pytest

from harness.__main__ import main
from tests.helpers.synthetic import store, synthetic_result

COMMANDS = {
    "report": ("results_dir", "report_dir", "margin"),
    "data": ("data_dir",),
    "evaluate": ("data_dir", "device"),
    "export": ("data_dir",),
    "check": ("max_accuracy_drop", "max_memory"),
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder below one that has an ini file; call it with the ini file's name and content."""
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    return lambda name, content: (tmp_path / name).write_text(content)


def data_folder(capsys, *arguments):
    """The data folder that ``data`` prints."""
    main(["data", "digits", *arguments])
    return capsys.readouterr().out.splitlines()[0].removeprefix("data folder: ")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("pyproject.toml", '[tool.pytest.ini_options]\nresults_dir = "r"\nreport_dir = "p"\n'),
        ("pyproject.toml", '[tool.pytest]\nresults_dir = "r"\nwod_report_dir = ["p"]\n'),
        ("pytest.ini", "[pytest]\nresults_dir = r\nreport-dir = p\n"),
        ("setup.cfg", "[tool:pytest]\nresults-dir = r\nreport_dir = p\n"),
    ],
)
def test_report_takes_its_folders_from_the_ini_file(file, content, project, tmp_path, capsys):
    project(file, content)
    assert main(["report"]) == 2
    assert capsys.readouterr().err.startswith(f"error: --results-dir {tmp_path / 'r'} does not exist")
    store(tmp_path / "r", synthetic_result())
    assert main(["report"]) == 0
    assert (tmp_path / "p/index.html").exists()


def test_command_line_precedes_environment_precedes_ini_file(project, tmp_path, monkeypatch, capsys):
    project("tox.ini", "[pytest]\ndata_dir = .\n")
    for name in ("variable", "option"):
        (tmp_path / "inner" / name).mkdir()
    assert data_folder(capsys) == str(tmp_path)
    monkeypatch.setenv("WIDER_OR_DEEPER_DATA_DIR", "variable")
    assert data_folder(capsys) == str(tmp_path / "inner/variable")
    assert data_folder(capsys, "--data-dir", "option") == str(tmp_path / "inner/option")


def test_a_command_ignores_options_that_it_does_not_have(project, tmp_path, monkeypatch, capsys):
    project("pytest.ini", "[pytest]\nepochs = 30\nbaseline = none\nseeds = plenty\ndata_dir = .\n")
    monkeypatch.setenv("WIDER_OR_DEEPER_BUDGET", "2h")
    assert data_folder(capsys) == str(tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("pytest.ini", "[pytest]\ndata_dir = none\n", "ini key data_dir {}/none does not exist: create it"),
        ("pyproject.toml", "[tool.pytest\n", "pytest's ini file cannot be read: {}/pyproject.toml: "),
        ("pyproject.toml", '[tool.pytest]\ndata_dir = ["a", "b"]\n', "ini key data_dir ['a', 'b']: give one folder"),
        ("setup.cfg", "[pytest]\ndata_dir = .\n", "pytest's ini file cannot be read: [pytest] section in setup.cfg"),
        ("tox.ini", "no section\n", "pytest's ini file cannot be read: {}/tox.ini:1: "),
    ],
)
def test_a_wrong_ini_file_is_an_error_of_one_line(file, content, says, project, tmp_path, capsys):
    project(file, content)
    assert main(["data", "digits"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: " + says.replace("{}", str(tmp_path)))


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_the_variable_and_the_ini_key(command, capsys):
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for key in COMMANDS[command]:
        assert f"or WIDER_OR_DEEPER_{key.upper()}, or {key} in pytest's ini file" in text
