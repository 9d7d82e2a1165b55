import pytest

from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.study.study import Study
from tests.data.builders import write_class_folders
from tests.helpers.finished import store_finished
from tests.plugin.benches import BENCH, CONFTEST, results_in


def test_the_users_own_images_need_fewer_than_ten_lines(pytester):
    from PIL import Image

    for split in ("train", "test"):
        for grey, name in enumerate(("dark", "light")):
            folder = pytester.path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                Image.new("RGB", (40 + number, 30), (200 * grey,) * 3).save(folder / f"{number}.png")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.experiment("folder:{pytester.path}/photos", models=["resnet8", "resnet24"])
        def test_photos(trained):
            assert trained.is_complete
        """
    )
    run = pytester.runpytest_inprocess()
    run.assert_outcomes(passed=2)
    line = f"folder:{pytester.path}/photos: recipe standard: 64×64 crop, 2 epochs, lr 0.0125, flips and crops, mean*"
    run.stdout.fnmatch_lines([line])
    assert [result["case"]["recipe"]["name"] for result in results_in(pytester)] == ["standard"] * 2
    assert (pytester.path / "report/tables/folder-photos-smoke.csv").exists()  # one recipe, so one study
    assert {len(result["confusion"]) for result in results_in(pytester)} == {2}


def test_an_absent_dataset_without_network_names_file_and_folder(bench, pytester, monkeypatch):
    from harness.data.formats import cifar10

    monkeypatch.setattr(cifar10, "ARCHIVE_URL", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    monkeypatch.setenv("WIDER_OR_DEEPER_DATA_DIR", str(pytester.path))
    pytester.makepyfile(test_digits=BENCH.replace('"digits"', '"cifar10"').replace("recipe=RECIPE", ""))
    run = bench("--full-training")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        [
            "ERROR: dataset cifar10 is not in *, and could not download http://127.0.0.1:9/cifar-10-python.tar.gz*refused*",
            "put that file into *cifar10, or name another folder with --data-dir",
        ]
    )


def test_two_folders_of_one_name_have_tables_of_their_own(pytester):
    from PIL import Image

    for place in ("a", "b"):
        for split in ("train", "test"):
            for grey, name in enumerate(("dark", "light")):
                folder = pytester.path / place / "photos" / split / name
                folder.mkdir(parents=True)
                for number in range(2):
                    Image.new("RGB", (32, 32), (100 * grey + ord(place),) * 3).save(folder / f"{number}.png")
    pytester.makeconftest(CONFTEST)
    body = "\n@pytest.mark.experiment('folder:{0}/{1}/photos', models=['resnet8'])\ndef test_{1}(trained): pass\n"
    pytester.makepyfile("import pytest" + "".join(body.format(pytester.path, place) for place in "ab"))
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
    assert len(list((pytester.path / "report/tables").glob("folder-photos-*-smoke.csv"))) == 2


def test_a_renamed_folder_is_reused_and_its_answer_printed(pytester):
    dataset = f"folder:{write_class_folders(pytester.path / 'flowers')}"
    settings = read_settings({"full_training": True, "device": "cpu"})
    study = Study(settings)
    store_finished(study, plan_experiment(settings, dataset, "resnet8", 0))
    (pytester.path / "flowers").rename(pytester.path / "roses")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.experiment("folder:roses", models=["resnet8"])
        def test_own(trained):
            assert trained.is_complete
        """
    )
    run = pytester.runpytest_inprocess("--full-training", "--device", "cpu", "--seeds", "0")
    run.assert_outcomes(passed=1)
    run.stdout.fnmatch_lines([f"folder:roses: 1 case kept: trained as {dataset}, on the same images"])
    run.stdout.fnmatch_lines(["*1 of 1 result reused*", "flowers*"])
    assert len(results_in(pytester)) == 1
