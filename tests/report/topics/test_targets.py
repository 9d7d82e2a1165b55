from harness.report.build import write_report
from harness.report.loading import load_results_folders
from tests.report.studies import store_study


def written(place, target=None, **study):
    store_study(place / "results", **study)
    report = write_report(load_results_folders([place / "results"]), place / "report", "", target=target)
    return report.page.read_text(), (place / "report" / "tables" / "cifar10-targets.md").read_text()


def test_default_target_is_that_of_the_smallest_model(tmp_path, no_figures):
    page, text = written(tmp_path)
    assert "How soon each model reaches a target accuracy" in page
    assert "the final accuracy of resnet20, the smallest model (the least of 3 seeds)" in page
    assert "epochs and time to 89 %" in text
    assert "First: resnet20-4, after " not in page or "3 of 3 seeds reach it" in page


def test_accuracy_on_held_out_images_is_named(tmp_path, no_figures):
    page, text = written(tmp_path, case_changes={"val_split": 0.1})
    assert "The target is 89.00 % on held-out images, the final accuracy of resnet20" in page
    assert "the first epoch whose accuracy on held-out images is at or above it" in text


def test_given_target_and_its_misses_are_reported(tmp_path, no_figures):
    page, text = written(tmp_path, target=92.0)
    assert "The target is 92 %, as given by --target." in page
    assert "Missed within the epochs trained: resnet20 (3 of 3 seeds)" in page
    (missed,) = [line for line in text.splitlines() if line.startswith("| resnet56 ")]
    assert missed.split("|")[3].strip() == "0"
    (reached,) = [line for line in text.splitlines() if line.startswith("| resnet20-4 ")]
    assert reached.split("|")[3].strip() == "3"


def test_target_that_no_model_reaches_says_so(tmp_path, no_figures):
    page, _ = written(tmp_path, target=99.0, seeds=(0,))
    assert "Half or more of the seeds of every model miss it." in page
