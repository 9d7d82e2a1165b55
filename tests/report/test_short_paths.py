from pathlib import Path

import pytest

from harness.report.short_paths import short_command, without_absolute_paths


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/x/flowers/train is empty", "train is empty"),
        ("cannot read '/data/a b/c.png'", "cannot read 'a b/c.png'"),
        (r"C:\Users\x\flowers: no such folder", "flowers: no such folder"),
        ("1,000 images/s and/or 2/3 of ~/flowers", "1,000 images/s and/or 2/3 of ~/flowers"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("CUDA out of memory (see /var/log/x)", "CUDA out of memory (see x)"),
    ],
)
def test_absolute_paths_become_their_last_names(text, expected):
    assert without_absolute_paths(text) == expected


def test_known_folders_keep_what_follows_their_name():
    names = {"/home/x/my results": "my results", "/home/x": "x"}
    assert without_absolute_paths("v1.0 of .", {".": "x"}) == "v1.0 of ."
    text = "/home/x/my results/cifar10/result.json: damaged"
    assert without_absolute_paths(text, names) == "my results/cifar10/result.json: damaged"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("pytest bench -k 'a and b' --data-dir=/mnt/data", "pytest bench -k 'a and b' --data-dir=data"),
        ("/opt/venv/bin/python -m pytest /home/x/own_bench.py", "python -m pytest own_bench.py"),
        ("python -m harness plan folder:/home/x/flowers", "python -m harness plan folder:flowers"),
        ("pytest '/home/x/my bench'", "pytest 'my bench'"),
        ("pytest --track mlflow:http://host/runs", "pytest --track mlflow:http://host/runs"),
        ('pytest "/home/x/bench"', 'pytest "bench"'),
        ("<script>alert('x')</script>", "<script>alert('x')</script>"),
    ],
)
def test_commands_hold_no_absolute_path(command, expected):
    assert short_command(command) == expected


def test_paths_in_the_working_folder_stay_relative_to_it():
    assert short_command(f"pytest --results-dir {Path.cwd()}/runs/a") == "pytest --results-dir runs/a"


def test_commands_and_messages_of_older_results_lose_their_passwords():
    assert (
        short_command("pytest /a/bench --storage http://me:pw@host/a")
        == "pytest bench --storage 'http://me:***@host/a'"
    )
    assert without_absolute_paths("/a/b: http://me:pw@host is down") == "b: http://me:***@host is down"
