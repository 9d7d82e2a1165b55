from harness.__main__ import main
from tests.helpers.extension import forget_extensions, install_dataset


def test_data_shows_what_is_there_and_how_to_get_the_rest(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "cifar10: missing; a full run downloads it, or\n  put cifar-10-python.tar.gz, unpacked or not, into" in text
    assert f"or images into {tmp_path}/cifar10/train/<class>/*" in text
    assert "gtsrb: missing" in text
    assert "digits: embedded in scikit-learn" in text
    assert "360 training and 1,437 test images; verified" in text


def test_data_checks_the_users_folder_and_names_the_fault(tmp_path, capsys):
    assert main(["data", "--data-dir", str(tmp_path), f"folder:{tmp_path}/photos"]) == 2
    assert f"folder {tmp_path}/photos does not exist" in capsys.readouterr().out


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
