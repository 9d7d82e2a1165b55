import re
from pathlib import Path

import pytest
from PIL import Image

from harness.cli.main import main
from harness.cli.new import bench_file
from tests.helpers import REPOSITORY


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.DOTALL)


@pytest.fixture
def signs(tmp_path, monkeypatch):
    """A folder of images in two classes, as the guide lays it out."""
    monkeypatch.chdir(tmp_path)
    for split in ("train", "test"):
        for grey, name in enumerate(("stop", "yield")):
            (tmp_path / "signs" / split / name).mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (32, 32), (200 * grey,) * 3).save(tmp_path / "signs" / split / name / f"{number}.png")
    return tmp_path / "signs"


def remove(folder):
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def cut(signs):
    path = signs / "train/stop/0.png"
    path.write_bytes(path.read_bytes()[:-20])


def no_image(signs):
    (signs / "train/stop/0.png").write_bytes(b"no image")


def loose(signs):
    for number in range(8):
        (signs / f"train/{number}.png").write_bytes((signs / "train/stop/0.png").read_bytes())


FAULTS = {
    "folder signs does not exist": lambda signs: signs.rename("moved"),
    "unreadable image …: image file is truncated": cut,
    "it is no PNG, JPEG, …": no_image,
    "link … leads to …, which does not exist: is its disk mounted?": lambda signs: (
        signs / "train/stop/2.png"
    ).symlink_to("/not/mounted/2.png"),
    "signs/train: 8 files are in no class folder": loose,
    "signs/test lacks class folder 'stop'": lambda signs: remove(signs / "test/stop"),
    "signs/train has one class folder, 'yield': add at least one more class": lambda signs: [
        remove(signs / split / "stop") for split in ("train", "test")
    ],
}


@pytest.mark.parametrize("message", FAULTS)
def test_faults_of_own_images_are_reported_as_documented(message, signs, capsys):
    assert f"`{message}`" in (REPOSITORY / "docs/own-images.md").read_text()
    FAULTS[message](signs)
    main(["data", "folder:signs"])
    assert re.search(".*".join(map(re.escape, message.split("…"))), capsys.readouterr().out)


def test_lines_that_the_guide_changes_are_in_the_new_bench_file():
    text = bench_file(Path("signs_bench.py"), "folder:signs")
    (lines,) = blocks("own-images.md", "python")
    for name in re.findall(r"^([A-Z]+) = ", lines, re.MULTILINE):
        assert re.search(rf"^{name} = ", text, re.MULTILINE), name
    assert "assert trained.accuracy_percent > 80" in text


def test_own_network_of_the_guide_trains(pytester):
    pytester.makepyfile(my_bench=blocks("networks.md", "python")[0])
    pytester.runpytest_inprocess("-p", "harness.plugin", "my_bench.py").assert_outcomes(passed=5)
