import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md"))
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", *PAGES]
ROOMS = sorted(path.parent.relative_to(ROOT / "harness").as_posix() for path in ROOT.glob("harness/*/**/__init__.py"))
LINES_OF_A_SCREEN = 45


def first_screen():
    return README.split("\n## ")[0]


def links_of(document):
    return re.findall(r"\]\(([^)\s]+)\)", (ROOT / document).read_text())


def anchors_of(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_ci_runs_the_readmes_test_command_and_nothing_else():
    commands = [
        line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.startswith(("#", "set ", "cd "))
    ]
    assert len(commands) == 1
    assert f"```console\n{commands[0]}\n```" in README


def test_first_screen_has_both_commands_and_the_picture_and_is_short():
    commands = re.findall(r"```console\n(.*?)\n```", first_screen(), re.DOTALL)
    assert commands == [
        "python -m pip install -e . && python -m pytest bench -k digits --full-training",
        "python -m pip install tox && python -m tox",
    ]
    assert "](docs/report.png)" in first_screen()
    assert len(first_screen().splitlines()) <= LINES_OF_A_SCREEN


def test_picture_of_the_report_is_small():
    assert (ROOT / "docs/report.png").stat().st_size < 200_000
    with Image.open(ROOT / "docs/report.png") as picture:
        assert 600 <= picture.width <= 1280


def test_example_of_an_own_network_works_and_is_short(pytester):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 11
    for split in ("train", "test"):
        for grey, name in enumerate(("rose", "tulip")):
            folder = pytester.path / "flowers" / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (50, 40), (200 * grey,) * 3).save(folder / f"{number}.jpg")
    pytester.makepyfile(test_flowers=example.replace("~/flowers", f"{pytester.path}/flowers"))
    pytester.runpytest_inprocess("-p", "harness.plugin", "test_flowers.py").assert_outcomes(passed=5)


def test_every_option_is_in_the_readme():
    from harness.config.settings import OPTIONS

    for option in OPTIONS:
        assert f"`--{option.name}" in README


def test_readme_names_every_command_and_no_other():
    from harness.cli.main import main

    named = set(re.findall(r"`wider-or-deeper ([a-z]+)", README))
    for command in named:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
    assert named == {"models", "data", "plan", "report", "evaluate", "check", "doctor", "export", "schema", "new"}


@pytest.mark.parametrize("page", PAGES)
def test_page_is_linked_from_the_readme_exactly_once(page):
    assert [link.split("#")[0] for link in links_of("README.md")].count(page) == 1


@pytest.mark.parametrize("document", DOCUMENTS)
def test_relative_links_resolve(document):
    for link in links_of(document):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("room", ROOMS)
def test_room_and_its_first_files_are_in_contributings_table(room):
    (row,) = re.findall(rf"^\| `{room}/` \| .+ \| (.+) \|$", CONTRIBUTING, re.MULTILINE)
    for name in re.findall(r"`(\w+\.py)`", row):
        assert (ROOT / "harness" / room / name).is_file(), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_paths_in_code_spans_exist(document):
    for span in re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|ini|toml|md))`", (ROOT / document).read_text()):
        assert any((ROOT / folder / span).is_file() for folder in ("", "harness")), span
