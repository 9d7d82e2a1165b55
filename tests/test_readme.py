import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_ci_runs_the_readmes_test_command_and_nothing_else():
    commands = [
        line for line in (ROOT / ".ci/run").read_text().splitlines() if not line.startswith(("#", "set ", "cd "))
    ]
    assert len(commands) == 1
    assert f"```console\n{commands[0]}\n```" in README


def test_the_example_for_the_users_own_images_works_and_has_less_than_ten_lines(pytester):
    from PIL import Image

    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(example.splitlines()) < 10
    for split in ("train", "test"):
        for grey, name in enumerate(("rose", "tulip")):
            folder = pytester.path / "flowers" / split / name
            folder.mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (50, 40), (200 * grey,) * 3).save(folder / f"{number}.jpg")
    pytester.makepyfile(test_flowers=example.replace("~/flowers", f"{pytester.path}/flowers"))
    pytester.runpytest_inprocess("-p", "harness.plugin", "test_flowers.py").assert_outcomes(passed=3)


def test_every_option_is_in_the_readme():
    from harness.config.settings import OPTIONS

    for option in OPTIONS:
        assert f"`--{option.name}" in README


def test_every_file_of_the_library_is_in_contributings_table():
    table = (ROOT / "CONTRIBUTING.md").read_text()
    for path in (ROOT / "harness").glob("*.py"):
        if path.name not in ("__init__.py", "errors.py", "text.py", "device.py", "environment.py", "progress.py"):
            assert f"`{path.name}`" in table
