"""What systems and programs leave behind is skipped; an image never is."""

import json

import pytest

from harness.__main__ import main
from harness.data import registry
from harness.data.formats.leftovers import is_leftover, is_note
from harness.errors import InputError
from tests.data.builders import write, write_class_folders

LEFTOVER_FILES = [
    "Thumbs.db", "THUMBS.DB", "ehthumbs.db", "ehthumbs_vista.db", "Thumbs.db:encryptable", "desktop.ini", "Desktop.ini",
    "Icon\r", "Icon\uf00d", ".DS_Store", "._0.png", ".nfs000001", "0.png:Zone.Identifier", "~$notes.docx",
    "Picasa.ini", "pspbrwse.jbf", "ZbThumbnail.info",
]  # fmt: skip
NOTES = [
    "0.xml", "0.XML", "notes.txt", "labels.csv", "labels.tsv", "coco.json", "all.jsonl", "data.yaml", "IMG_1.AAE",
    "0.xmp", "README", "README.md", "LICENSE", "index.html",
]  # fmt: skip
LEFTOVER_FOLDERS = [
    "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information", ".ipynb_checkpoints", "#recycle",
    "@__thumb", ".Trash-1000", "FOUND.000", "LOST.DIR", "__pycache__", ".git", ".AppleDouble", "Temporary Items",
]  # fmt: skip
IMAGES = ["0.png", "icon.png", "thumbs.jpg", "desktop", "Thumbs", "readme.png", "found.0001", "lost", "xml", "~0.png"]


@pytest.mark.parametrize("name", LEFTOVER_FILES + LEFTOVER_FOLDERS)
def test_leftovers_are_known(name):
    assert is_leftover(name)


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_neither_leftovers_nor_notes(name):
    assert not is_leftover(name)
    assert not is_note(name)


@pytest.fixture
def littered(tmp_path):
    """Class folders of 4 and 2 images, with everything that systems leave behind in and beside the classes."""
    root = write_class_folders(tmp_path / "photos")
    for place in ("train", "train/cat", "test/dog", "train/dog/day 2", "."):
        for name in LEFTOVER_FILES + NOTES:
            write(root / place / name, "left behind")
        for name in LEFTOVER_FOLDERS:
            write(root / place / name / "0.png", "left behind")
    return root


def test_training_and_the_data_command_skip_leftovers_alike(littered, capsys):
    name = f"folder:{littered}"
    dataset = registry.load(name, littered)
    assert dataset.spec.class_names == ("cat", "dog")
    assert (len(dataset.train), len(dataset.test)) == (4, 2)
    assert main(["data", "--json", name]) == 0
    row = json.loads(capsys.readouterr().out)["datasets"][0]
    assert (row["train_images"], row["test_images"]) == (4, 2)


@pytest.mark.parametrize("name", ["cat.zip", "0.png", "dog"])
def test_what_lies_beside_the_class_folders_is_named(tmp_path, name):
    root = write_class_folders(tmp_path / "photos", ["cat", "emu"])
    path = write(root / "train" / name, "")
    expected = f"{path} is in no class folder: move it into one of {root}/train, or remove it"
    with pytest.raises(InputError) as refusal:
        registry.load(f"folder:{root}", tmp_path)
    assert str(refusal.value) == expected


def test_notes_are_files_and_may_name_a_class(tmp_path):
    root = write_class_folders(tmp_path / "documents", ["licence", "readme", "notes.txt"])
    assert registry.get_spec(f"folder:{root}").class_names == ("licence", "notes.txt", "readme")
