import shutil

from harness.__main__ import main
from harness.data.formats import cifar10, fashionmnist, gtsrb
from harness.data.image_formats import FORMATS_SHOWN
from harness.data.registry import load
from tests.cli.checked_output import checked_output
from tests.data.builders import encode, noise, write, write_arrays, write_class_folders, write_table
from tests.helpers.extension import forget_extensions, install_dataset


def test_data_shows_what_is_there_and_how_to_get_the_rest(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "cifar10: missing; a full run downloads it, or\n  put cifar-10-python.tar.gz (from " in text
    for address in (cifar10.ARCHIVE_URL, fashionmnist.MIRROR_URL, gtsrb.ARCHIVE_URL):
        assert address in text
    assert f"or images into {tmp_path}/cifar10/train/<class>/*" in text
    assert "gtsrb: missing" in text
    assert "digits: embedded in scikit-learn" in text
    assert "360 training and 1,437 test images; verified" in text


def test_data_checks_the_users_folder_and_names_the_fault(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path), f"folder:{tmp_path}/photos"]) == 2
    assert f"folder {tmp_path}/photos does not exist" in capsys.readouterr().out


def test_data_counts_sub_folders_as_training_does(tmp_path, capsys):
    root = write_class_folders(tmp_path / "photos", train=8, test=4)
    for number in range(20):
        write(root / f"train/cat/day2/{number}.png", encode(noise(8, seed=number)))
    assert main(["data", f"folder:{root}"]) == 0
    assert "36 training and 8 test images" in capsys.readouterr().out
    assert len(load(f"folder:{root}", tmp_path).train) == 36


def test_data_lists_and_checks_tables_and_arrays(tmp_path, capsys):
    table, arrays = write_table(tmp_path / "table"), write_arrays(tmp_path / "flowers.npz")
    assert main(["data", f"csv:{table}", f"npz:{arrays}"]) == 0
    assert capsys.readouterr().out == (
        f"csv:{table}: table of paths and labels in {table}\n  4 training and 4 test images; 2 classes, your own\n"
        f"npz:{arrays}: arrays in {arrays}\n  4 training and 4 test images; 2 classes, your own\n"
    )
    write(tmp_path / "table/5.png", "damaged")
    write(arrays, arrays.read_bytes()[:-50])
    assert main(["data", f"csv:{table}", f"npz:{arrays}"]) == 2
    text = capsys.readouterr().out
    assert f"unreadable image {tmp_path}/table/5.png: it is no {FORMATS_SHOWN}" in text
    assert f"{arrays} is damaged or not a file of NumPy arrays" in text


def test_data_names_damaged_images_of_a_folder_together(tmp_path, capsys):
    root = write_class_folders(tmp_path / "photos")
    for name in ("train/cat/0.png", "test/dog/0.png"):
        write(root / name, "damaged")
    assert main(["data", "--json", f"folder:{root}"]) == 2
    row = checked_output("data", capsys.readouterr().out)["datasets"][0]
    assert row["status"] == "damaged"
    assert row["problem"] == (
        f"2 faults:\n  unreadable image {root}/train/cat/0.png: it is no {FORMATS_SHOWN}"
        f"\n  unreadable image {root}/test/dog/0.png: it is no {FORMATS_SHOWN}"
    )


def test_data_names_links_to_a_missing_disk(tmp_path, capsys):
    root = write_class_folders(tmp_path / "photos")
    for number in range(4):
        (root / f"train/cat/link{number}.png").symlink_to(f"/not/mounted/{number}.png")
    assert main(["data", f"folder:{root}"]) == 2
    assert f"4 faults:\n  link {root}/train/cat/link0.png leads to /not/mounted/0.png" in capsys.readouterr().out


def test_data_shows_only_the_named_datasets(tmp_path, capsys):
    write_class_folders(tmp_path / "photos")
    assert main(["data", "--data-dir", str(tmp_path), f"folder:{tmp_path}/photos"]) == 0
    assert capsys.readouterr().out.startswith(f"folder:{tmp_path}/photos: class folders in {tmp_path}/photos\n")
    assert main(["data", "--data-dir", str(tmp_path), "gtsrb", "digits"]) == 0
    names = [line.partition(":")[0] for line in capsys.readouterr().out.splitlines() if line[:1] not in ("", " ")]
    assert names == ["data folder", "gtsrb", "digits"]


def test_data_refuses_an_unknown_dataset(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path), "cifar11"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: unknown dataset 'cifar11': the datasets are cifar10,")
    assert captured.out == ""


def test_data_names_the_files_that_an_incomplete_dataset_lacks(tmp_path, capsys):
    write(tmp_path / "fashionmnist/train-images-idx3-ubyte.gz", "")
    assert main(["data", "--data-dir", str(tmp_path), "fashionmnist"]) == 0
    lacks = "lacks train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz;"
    assert f"fashionmnist: incomplete; {tmp_path}/fashionmnist {lacks} a full run" in capsys.readouterr().out


def test_data_prints_json_and_the_fault_on_standard_error(tmp_path, capsys):
    write(tmp_path / "fashionmnist/train-images-idx3-ubyte.gz", "")
    names = ["digits", "cifar10", "fashionmnist", f"folder:{tmp_path}/photos"]
    assert main(["data", "--json", "--data-dir", str(tmp_path), *names]) == 2
    captured = capsys.readouterr()
    found = checked_output("data", captured.out)
    assert [row["status"] for row in found["datasets"]] == ["present", "missing", "incomplete", "damaged"]
    assert found["datasets"][0]["test_images"] == 1_437
    assert len(found["datasets"][2]["missing_files"]) == 3
    assert captured.err == f"error: {found['datasets'][3]['problem']}\n"


def test_data_shows_the_datasets_that_other_packages_add(tmp_path, monkeypatch, capsys):
    install_dataset(tmp_path, monkeypatch)
    try:
        assert main(["data", "--data-dir", str(tmp_path)]) == 0
        assert (
            "shades: missing; a full run downloads it, or\n  put the file shades.bin, into" in capsys.readouterr().out
        )
    finally:
        monkeypatch.undo()
        forget_extensions()


def test_data_shows_and_removes_the_decoded_images(tmp_path, capsys):
    root = write_class_folders(tmp_path / "mine")
    load(f"folder:{root}", tmp_path)
    shown = "decoded images, 0.0 MB, in " + str(root / ".wider-or-deeper")
    assert main(["data", f"folder:{root}"]) == 0
    assert shown in capsys.readouterr().out
    assert main(["data", "--json", f"folder:{root}"]) == 0
    row = checked_output("data", capsys.readouterr().out)["datasets"][0]
    assert row["cache_path"] == str(root / ".wider-or-deeper")
    assert row["cache_bytes"] > 0
    assert main(["data", "--clear-cache", f"folder:{root}"]) == 0
    captured = capsys.readouterr()
    assert "decoded images" not in captured.out
    assert captured.err.startswith(f"removed {root}/.wider-or-deeper: 0.0 MB freed")
    assert not (root / ".wider-or-deeper").exists()


def test_clear_cache_removes_that_of_damaged_images(tmp_path, capsys):
    root = write_class_folders(tmp_path / "mine", train=3, test=2)
    load(f"folder:{root}", tmp_path)
    shutil.rmtree(root / "test/cat")
    assert main(["data", "--clear-cache", f"folder:{root}"]) == 2
    assert not (root / ".wider-or-deeper").exists()
