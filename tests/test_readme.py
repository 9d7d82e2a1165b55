import re

from PIL import Image

from tests.helpers import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
LINES_OF_A_SCREEN = 60


def test_ci_runs_the_readmes_test_command_and_nothing_else():
    commands = [
        line for line in (REPOSITORY / ".ci/run").read_text().splitlines() if not line.startswith(("#", "set ", "cd "))
    ]
    assert len(commands) == 1
    assert f"```console\n{commands[0]}\n```" in README


def test_readme_is_one_screen_with_both_commands_and_the_picture():
    commands = re.findall(r"```console\n(.*?)\n```", README, re.DOTALL)
    assert commands == [
        "python -m pip install -e . && python -m pytest bench -k digits --full-training",
        "python -m pip install tox && python -m tox",
    ]
    assert "](docs/report.png)" in README
    assert len(README.splitlines()) <= LINES_OF_A_SCREEN


def test_picture_of_the_report_is_small():
    assert (REPOSITORY / "docs/report.png").stat().st_size < 200_000
    with Image.open(REPOSITORY / "docs/report.png") as picture:
        assert 600 <= picture.width <= 1280


def test_example_of_an_own_network_works_and_is_short(pytester):
    (example,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs/index.md").read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 11
    for split in ("train", "test"):
        for grey, name in enumerate(("rose", "tulip")):
            folder = pytester.path / "flowers" / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (50, 40), (200 * grey,) * 3).save(folder / f"{number}.jpg")
    pytester.makepyfile(test_flowers=example.replace("~/flowers", f"{pytester.path}/flowers"))
    pytester.runpytest_inprocess("-p", "harness.plugin", "test_flowers.py").assert_outcomes(passed=5)
