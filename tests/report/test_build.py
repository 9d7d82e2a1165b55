import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.config.recipes import CIFAR10
from harness.report.build import write_report
from harness.report.loading import load_results_folders
from harness.report.terminal import comparison_tables, report_text, terminal_text
from harness.results.metrics import score
from harness.text import printable_lines
from tests.helpers.evil_names import EVIL_NAMES
from tests.helpers.synthetic import failed_result, outcome, store, synthetic_result
from tests.report.studies import TWO_MODELS, build_report, store_study

NOT_COMPLETE = {"status": "failed", "accuracy_percent": None, "macro_f1_percent": None, "per_class": ()}


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def as_folder(result, dataset):
    """Return the result as if its images were the user's own."""
    return replace(result, dataset=dataset, case=replace(result.case, dataset=dataset))


def test_written_files_are_those_returned(built):
    announced = [*built.report.tables, *built.report.figures, built.report.page]
    assert files_in(built.folder) == sorted(announced)
    assert len(set(announced)) == len(announced)
    assert {path.suffix for path in built.report.tables} == {".csv", ".md", ".tex"}
    assert {path.suffix for path in built.report.figures} == {".svg", ".png"}


def test_smoke_results_appear_only_in_their_own_section(tmp_path, no_figures):
    store_study(tmp_path / "full", seeds=(0,), accuracies=TWO_MODELS)
    store_study(tmp_path / "both", seeds=(0,), accuracies=TWO_MODELS)
    store_study(tmp_path / "both", seeds=(0, 1), accuracies={"resnet20": 7.89, "resnet110": 7.65}, mode="quick")
    full, both = (build_report([tmp_path / name], tmp_path / f"{name}-report") for name in ("full", "both"))
    smoke = {path.name for path in both.report.tables} - {path.name for path in full.report.tables}
    assert smoke == {"cifar10-smoke.csv", "cifar10-smoke.md", "cifar10-smoke.tex"}
    assert "SMOKE" in (tmp_path / "both-report/tables/cifar10-smoke.md").read_text()
    for path in full.report.tables:
        if path.suffix == ".md":
            assert path.read_text() == (tmp_path / "both-report/tables" / path.name).read_text()
    before, _, after = both.report.page.read_text().partition('<section id="smoke"')
    assert "7.89" not in before
    assert "7.89" in after
    assert [evidence.mode for evidence, _ in both.report.answers] == ["full"]


def test_smoke_runs_alone_are_marked_as_no_measurement(tmp_path, no_figures):
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS, mode="quick")
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert made.report.answers == []
    assert "Only smoke runs are here, and they measure nothing." in made.report.page.read_text()
    assert not (tmp_path / "report/tables/claims.csv").exists()


def test_failed_results_alone_make_a_report_with_a_warning(tmp_path):
    for seed, status in enumerate(("diverged", "out_of_memory", "failed")):
        store(tmp_path / "results", replace(failed_result(status, seed=seed), cause="<b>it broke</b>"))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    text = made.report.page.read_text()
    assert "No answer: no training completed." in text
    assert "3 results without an accuracy (diverged, failed, out of memory)" in text
    assert "&lt;b&gt;it broke" in text
    assert "<b>it broke" not in text
    assert made.report.figures == []


@pytest.mark.parametrize(
    "accuracies",
    [
        {"resnet20": 89.0},
        {"resnet20": 89.0, "resnet56-2": 91.0},
        {"resnet20": 89.0, "resnet20-2": 90.0, "resnet24": 91.0, "resnet50": 92.0},
    ],
    ids=["one model", "no axis", "two families"],
)
def test_any_set_of_models_makes_a_report(accuracies, tmp_path):
    store_study(tmp_path / "results", seeds=(0,), accuracies=accuracies)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert made.loaded.problems == []
    assert ">nan<" not in made.report.page.read_text()
    assert '"nan"' not in made.report.page.read_text()


def test_missing_folder_makes_an_empty_report(tmp_path):
    made = build_report([tmp_path / "nothing"], tmp_path / "report")
    assert files_in(tmp_path / "report") == [made.report.page]


@pytest.mark.slow
def test_two_hundred_classes_with_odd_names_are_reported(tmp_path):
    names = [f"класс {k} $x_{k}$ <b> & \x01\n猫 عربي #0072b2" for k in range(200)]
    labels = np.arange(2000) % 200
    for place, model in enumerate(TWO_MODELS):
        predicted = labels, np.where(np.arange(2000) % 10 < place, (labels + 1) % 200, labels)
        scores = score(*predicted, tuple(names)).to_json() | {"test_images": 2000}
        result = synthetic_result(model=model, predicted=predicted, **scores)
        store(tmp_path / "results", as_folder(result, "folder:/x/many"), predicted)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert "folder-many-classes.svg" in {path.name for path in made.report.figures}
    assert len(pd.read_csv(tmp_path / "report/tables/folder-many-classes.csv")) == 200


def test_two_recipes_and_a_shortened_one_are_three_studies(tmp_path, no_figures):
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    other = {"recipe": replace(CIFAR10, learning_rate=0.05)}
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS, case_changes=other)
    short = {"recipe": replace(CIFAR10, epochs=30, milestones=(15,))}
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS, case_changes=short, mode="shortened")
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert [evidence.mode for evidence, _ in made.report.answers] == ["full", "full", "shortened"]
    assert len({evidence.file_name for evidence, _ in made.report.answers}) == 3
    assert files_in(made.folder) == sorted([*made.report.tables, *made.report.figures, made.report.page])


@pytest.mark.parametrize(
    ("one", "other"),
    [("/x/a b", "/x/a-b"), ("/x/Flowers", "/y/flowers"), ("/x/birds-accuracy", "/x/birds"), ("/x/q", "/y/q")],
)
def test_similarly_named_studies_have_separate_files(one, other, tmp_path, no_figures):
    for fingerprint, dataset in (("1" * 64, one), ("2" * 64, other)):
        for model in TWO_MODELS:
            result = synthetic_result(model=model, case_changes={"data_fingerprint": fingerprint})
            store(tmp_path / "results", as_folder(result, f"folder:{dataset}"), outcome("cifar10", 90.0, 0))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    names = [path.name.casefold() for path in made.report.tables]
    assert len(made.report.answers) == 2
    assert len(set(names)) == len(names)


def test_file_names_stay_within_file_system_limits(tmp_path, no_figures):
    for parent in ("a", "b"):
        dataset = f"folder:/{'/'.join([parent * 200] * 3)}/{'猫' * 60}"
        result = synthetic_result(case_changes={"data_fingerprint": parent * 64})
        store(tmp_path / "results", as_folder(result, dataset), outcome("cifar10", 90.0, 0))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert max(len(path.name.encode()) for path in made.report.tables) < 160
    assert len(made.report.answers) == 2


def test_no_file_of_a_report_holds_an_absolute_path(tmp_path, no_figures):
    dataset = f"folder:{tmp_path}/my pictures/flowers"
    command = f"/opt/python -m pytest {tmp_path}/bench --data-dir={tmp_path}/data"
    for seed, model in enumerate([*TWO_MODELS, "resnet110"]):
        result = as_folder(synthetic_result(model=model, seed=seed), dataset)
        result = replace(result, attempts=(replace(result.attempts[0], command=command),))
        if model == "resnet110":
            result = replace(result, **NOT_COMPLETE, cause=f"no image in {tmp_path}/my pictures/flowers/train")
        store(tmp_path / "my results", result, outcome("cifar10", 90.0, seed))
    (tmp_path / "my results/damaged").mkdir()
    (tmp_path / "my results/damaged/result.json").write_text("{")
    roots = [tmp_path / "my results", tmp_path / "other/my results"]
    store_study(roots[1], seeds=(0,), accuracies=TWO_MODELS)
    elsewhere = tmp_path.parent / f"{tmp_path.name}-report"  # a relative link from there would name the folders
    made = build_report(roots, elsewhere, f"python -m harness report '{roots[0]}' '{roots[1]}'")
    assert len(files_in(made.folder)) > 20
    for path in files_in(made.folder):
        assert str(tmp_path) not in path.read_text(), path
        assert "../" not in path.read_text(), path
        assert "opt/python" not in path.read_text(), path
        assert tmp_path.name not in path.name
    titles = [evidence.title for evidence, _ in made.report.answers]
    assert titles == ["CIFAR-10", "flowers"]
    assert "damaged/result.json" in made.report.page.read_text()


def test_folders_with_the_same_last_name_are_compared(tmp_path, no_figures):
    roots = [tmp_path / place / "results" for place in ("a b", "c#d")]
    for root in roots:
        store_study(root, seeds=(0, 1), accuracies=TWO_MODELS)
    made = build_report(roots, roots[0] / "report")
    assert (made.folder / "tables/side-by-side-1-cifar10.csv").exists()
    assert len(set(made.report.tables)) == len(made.report.tables)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_folder_whose_name_is_not_utf8_can_be_reported(tmp_path, no_figures):
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        store_study(root, seeds=(0,), accuracies=TWO_MODELS)
    except OSError:
        pytest.skip("this file system has only names that are UTF-8")
    made = build_report([root], tmp_path / "report")
    assert r"from \udcff by" in made.report.page.read_text()


def test_unwritable_report_folder_raises_oserror(built, tmp_path, no_figures):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(OSError, match="report"):
        write_report(built.loaded, tmp_path / "report", "")


def test_same_results_make_the_same_figures(built, tmp_path):
    again = write_report(built.loaded, tmp_path, "python -m harness report")
    for one, other in zip(built.report.figures, again.figures, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_report_modules_import_no_torch():
    code = "import sys, harness.report.build, harness.report.terminal; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_notes_belong_to_the_study_of_their_session(tmp_path, no_figures):
    """Two recipes of one dataset in one folder: the session's note is about its own cases."""
    recipe = replace(CIFAR10, batch_size=32)
    store_study(tmp_path, seeds=(0,), accuracies=TWO_MODELS)
    store_study(tmp_path, seeds=(0,), accuracies=TWO_MODELS, case_changes={"recipe": recipe})
    loaded = load_results_folders([tmp_path])
    (own,) = [one.subject for one in loaded.evidence if one.runs[0].result.case.recipe == recipe]
    report = write_report(loaded, tmp_path / "report", "pytest", notes={own: ["Rests on 2 of 4 cases."]})
    assert {evidence.subject for evidence, found in report.answers if "Rests on 2 of 4 cases." in found.cautions} == {
        own
    }


def test_names_of_strangers_are_printable_in_files_and_on_the_terminal(tmp_path, no_figures):
    evil = [name for name in EVIL_NAMES if "\udce9" not in name]  # which no JSON file can hold
    names = "".join(evil)
    environment = {
        "cpu": names,
        "node": names,
        "platform": names,
        "versions": {"torch": names},
        "commit_problem": names,
    }
    for model, accuracy in TWO_MODELS.items():
        predicted = outcome("cifar10", accuracy, 1)
        result = synthetic_result(model=model, predicted=predicted, notes=(names,), environment=environment)
        scores = tuple({**one, "class_name": name} for one, name in zip(result.per_class, evil, strict=False))
        attempts = (replace(result.attempts[0], environment=result.environment, command=f"pytest '{names}'"),)
        result = replace(result, per_class=scores, attempts=attempts)
        store(tmp_path / "results", as_folder(result, "folder:/x/\x1b[31m\u202ered"), predicted)
    failed = failed_result("failed", model="resnet32")
    store(tmp_path / "results", replace(failed, cause=names))
    made = build_report([tmp_path / "results"], tmp_path / "report", f"pytest {names}")
    assert len(made.loaded.results) == 3
    on_terminal = [terminal_text(one, 80) for one in comparison_tables(made.loaded.results)]
    for text in (*on_terminal, report_text(made.report, 80), *(path.read_text() for path in files_in(made.folder))):
        assert printable_lines(text) == text
    page = made.report.page.read_text()
    assert r"two\nlines" in page.partition("Training commands</h4>")[2].partition("</pre>")[0]
    assert r"\x1b[2J\x1b[31mred" in page
    assert "<img" not in page
