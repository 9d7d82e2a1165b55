import sys

import pytest

from harness.training.command import this_command


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (
            ["/v/bin/python3", "/v/bin/pytest", "bench", "-k", "digits and resnet20"],
            "pytest bench -k 'digits and resnet20'",
        ),
        (["/v/bin/python", "-m", "pytest", "bench"], "python -m pytest bench"),
        (["/v/bin/python", "/home/me/train.py"], "python /home/me/train.py"),
    ],
)
def test_command_is_the_one_typed_by_the_user(monkeypatch, argv, command):
    monkeypatch.setattr(sys, "orig_argv", argv)
    assert this_command() == command
