import gc
import os
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.config.recipes import CIFAR10
from harness.report.build import load_results_folders, write_report
from harness.report.truncation import LINES
from tests.helpers.synthetic import failed_result, outcome, store, synthetic_result
from tests.report.conftest import build, fill

TWO = {"resnet20": 89.0, "resnet56": 90.0}


@pytest.fixture
def no_figures(monkeypatch):
    """Drawing takes nearly all of a report's time."""
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def as_folder(result, dataset):
    """The result as of the user's own images."""
    return replace(result, dataset=dataset, case=replace(result.case, dataset=dataset))


def test_what_is_written_is_what_is_announced(built):
    announced = [*built.report.tables, *built.report.figures, built.report.page]
    assert files_in(built.folder) == sorted(announced)
    assert len(set(announced)) == len(announced)
    assert {path.suffix for path in built.report.tables} == {".csv", ".md", ".tex"}
    assert {path.suffix for path in built.report.figures} == {".svg", ".png"}


def test_smoke_results_enter_nothing_but_their_own_section(tmp_path, no_figures):
    fill(tmp_path / "full", seeds=(0,), accuracies=TWO)
    fill(tmp_path / "both", seeds=(0,), accuracies=TWO)
    fill(tmp_path / "both", seeds=(0, 1), accuracies={"resnet20": 7.89, "resnet110": 7.65}, mode="quick")
    full, both = (build([tmp_path / name], tmp_path / f"{name}-report") for name in ("full", "both"))
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


def test_only_smoke_runs_are_said_to_measure_nothing(tmp_path, no_figures):
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO, mode="quick")
    made = build([tmp_path / "results"], tmp_path / "report")
    assert made.report.answers == []
    assert "Only smoke runs are here, and they measure nothing." in made.report.page.read_text()
    assert not (tmp_path / "report/tables/claims.csv").exists()


@pytest.mark.parametrize("name", ["predictions.npz", "epochs.jsonl"])
@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_what_lies_beside_a_result_and_is_damaged_is_told_and_left_out(name, damage, tmp_path):
    kept = fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    path = tmp_path / "results" / kept[0].case.folder_name / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    made = build([tmp_path / "results"], tmp_path / "report")
    assert made.loaded.problems == [f"{path} is gone" if damage == "gone" else made.loaded.problems[0]]
    assert str(path) in made.loaded.problems[0]
    assert str(path) in made.report.page.read_text().partition("What was left out")[2]
    frame = pd.read_csv(tmp_path / "report/tables/cifar10-differences.csv")
    assert frame["method"].tolist() == (["two proportions"] if name == "predictions.npz" else ["McNemar"])


def test_a_result_that_cannot_be_read_is_told_and_the_others_stand(tmp_path, no_figures):
    kept = fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    path = tmp_path / "results" / kept[0].case.folder_name / "result.json"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    made = build([tmp_path / "results"], tmp_path / "report")
    assert [result.model for result in made.loaded.results] == ["resnet56"]
    assert str(path) in made.report.page.read_text()


def test_only_failed_results_make_a_report_that_says_so(tmp_path):
    for seed, status in enumerate(("diverged", "out_of_memory", "failed")):
        store(tmp_path / "results", replace(failed_result(status, seed=seed), cause="<b>it broke</b>"))
    made = build([tmp_path / "results"], tmp_path / "report")
    text = made.report.page.read_text()
    assert "1 diverged, 1 failed, 1 out of memory" in text
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
def test_whatever_models_there_are_make_a_report(accuracies, tmp_path):
    fill(tmp_path / "results", seeds=(0,), accuracies=accuracies)
    made = build([tmp_path / "results"], tmp_path / "report")
    assert made.loaded.problems == []
    assert ">nan<" not in made.report.page.read_text()
    assert '"nan"' not in made.report.page.read_text()


def test_an_empty_folder_and_none_make_an_empty_report(tmp_path):
    made = build([tmp_path / "nothing"], tmp_path / "report")
    assert files_in(tmp_path / "report") == [made.report.page]


def test_two_hundred_classes_and_their_names_do_no_harm(tmp_path):
    names = [f"класс {k} $x_{k}$ <b> & \x01\n猫 عربي #0072b2" for k in range(200)]
    images = 2000
    for model, accuracy in TWO.items():
        predicted = outcome("cifar10", accuracy, 1, images)
        result = as_folder(synthetic_result(model=model, predicted=predicted), "folder:/x/many")
        scores = tuple({**result.per_class[k % 10], "class_name": name, "images": 10} for k, name in enumerate(names))
        store(tmp_path / "results", replace(result, per_class=scores, confusion=()), predicted)
    made = build([tmp_path / "results"], tmp_path / "report")
    assert "folder-many-classes.svg" in {path.name for path in made.report.figures}
    assert len(pd.read_csv(tmp_path / "report/tables/folder-many-classes.csv")) == 200


def test_a_study_of_two_recipes_and_a_shortened_one_are_three(tmp_path, no_figures):
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    other = {"recipe": replace(CIFAR10, learning_rate=0.05)}
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO, case_changes=other)
    short = {"recipe": replace(CIFAR10, epochs=30, milestones=(15,))}
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO, case_changes=short, mode="shortened")
    made = build([tmp_path / "results"], tmp_path / "report")
    assert [evidence.mode for evidence, _ in made.report.answers] == ["full", "full", "shortened"]
    assert len({evidence.file_name for evidence, _ in made.report.answers}) == 3
    assert files_in(made.folder) == sorted([*made.report.tables, *made.report.figures, made.report.page])


@pytest.mark.parametrize(
    ("one", "other"),
    [("/x/a b", "/x/a-b"), ("/x/Flowers", "/y/flowers"), ("/x/birds-accuracy", "/x/birds"), ("/x/q", "/y/q")],
)
def test_no_study_overwrites_anothers_files(one, other, tmp_path, no_figures):
    for fingerprint, dataset in (("1" * 64, one), ("2" * 64, other)):
        for model in TWO:
            result = synthetic_result(model=model, case_changes={"data_fingerprint": fingerprint})
            store(tmp_path / "results", as_folder(result, f"folder:{dataset}"), outcome("cifar10", 90.0, 0))
    made = build([tmp_path / "results"], tmp_path / "report")
    names = [path.name.casefold() for path in made.report.tables]
    assert len(made.report.answers) == 2
    assert len(set(names)) == len(names)


def test_names_of_files_are_no_longer_than_a_file_system_has(tmp_path, no_figures):
    for parent in ("a", "b"):
        dataset = f"folder:/{'/'.join([parent * 200] * 3)}/{'猫' * 60}"
        result = synthetic_result(case_changes={"data_fingerprint": parent * 64})
        store(tmp_path / "results", as_folder(result, dataset), outcome("cifar10", 90.0, 0))
    made = build([tmp_path / "results"], tmp_path / "report")
    assert max(len(path.name.encode()) for path in made.report.tables) < 160
    assert len(made.report.answers) == 2


def test_folders_with_the_same_last_name_stand_side_by_side(tmp_path, no_figures):
    roots = [tmp_path / place / "results" for place in ("a b", "c#d")]
    for root in roots:
        fill(root, seeds=(0, 1), accuracies=TWO)
    made = build(roots, roots[0] / "report")
    assert (made.folder / "tables/side-by-side-1-cifar10.csv").exists()
    assert len(set(made.report.tables)) == len(made.report.tables)


def test_a_folder_given_twice_is_read_once(tmp_path, monkeypatch):
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    monkeypatch.chdir(tmp_path)
    loaded = load_results_folders([Path("results"), tmp_path / "results"])
    assert loaded.folders == [Path("results")]
    assert len(loaded.results) == 2


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode on Windows")
def test_a_folder_whose_name_is_not_utf8_can_be_reported(tmp_path, no_figures):
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    try:
        fill(root, seeds=(0,), accuracies=TWO)
    except OSError:
        pytest.skip("this file system has only names that are UTF-8")
    made = build([root], tmp_path / "report")
    assert "%FF/" in made.report.page.read_text()


def test_a_report_folder_that_cannot_be_written_to_is_an_oserror(built, tmp_path, no_figures):
    (tmp_path / "report").write_text("a file")
    with pytest.raises(OSError, match="report"):
        write_report(built.loaded, tmp_path / "report", "")


def test_the_same_results_make_the_same_files(built, tmp_path):
    again = write_report(built.loaded, tmp_path, "python -m harness report")
    for one, other in zip(built.report.figures, again.figures, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_a_long_table_is_cut_on_the_page_evenly_over_the_models_and_nowhere_else(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.render.PAGE_ROWS", 4)
    fill(tmp_path / "results", seeds=range(5), accuracies=TWO)
    made = build([tmp_path / "results"], tmp_path / "report")
    page = made.report.page.read_text()
    table = page.partition('id="table-cifar10">')[2].partition("</details>")[0]
    rows = [re.sub("<[^>]*>", " ", f"<tr{row}").split()[:2] for row in table.split("<tr")[2:]]
    assert rows == [["20", "0"], ["20", "1"], ["56", "0"], ["56", "1"]]
    assert '4 of 10 rows, evenly over the models; <a href="tables/cifar10.csv">all of them are in the CSV</a>' in table
    assert len(pd.read_csv(tmp_path / "report/tables/cifar10.csv")) == 10
    assert (tmp_path / "report/tables/cifar10.md").read_text().count("| complete") == 10


def test_a_row_of_many_seeds_links_to_the_first_and_its_csv_has_all(tmp_path, no_figures):
    for name, seeds in (("few", 10), ("many", 12)):
        fill(tmp_path / name, seeds=range(seeds), accuracies=TWO)
        made = build([tmp_path / name], tmp_path / f"{name}-report")
        table = made.report.page.read_text().partition('id="table-cifar10-accuracy"')[2].partition("</table>")[0]
        assert table.count(">seed ") == 2 * (10 if name == "few" else 3)
        assert table.count("and 9 more (CSV)") == 2 * (name == "many")
        frame = pd.read_csv(tmp_path / f"{name}-report/tables/cifar10-accuracy.csv")
        assert [len(runs.split()) for runs in frame["runs"]] == [seeds, seeds]


def test_a_table_of_many_models_is_folded_but_for_the_one_that_names_lead_to(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.render.FOLDED_ROWS", 1)
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    page = build([tmp_path / "results"], tmp_path / "report").report.page.read_text()
    assert "<summary>CIFAR-10: macro-F1 beside accuracy (the paper&#39;s table 5)</summary>" in page
    assert "<summary>CIFAR-10: accuracy and training time" not in page


def test_of_much_that_was_left_out_the_first_is_told_and_a_table_has_all(tmp_path, no_figures):
    root = tmp_path / "results"
    fill(root, seeds=(0,), accuracies=TWO)
    for number in range(LINES + 5):
        (root / f"damaged{number:02d}").mkdir()
        (root / f"damaged{number:02d}" / "result.json").write_text("{")
        (root / f"begun{number:02d}").mkdir()
        (root / f"begun{number:02d}" / "checkpoint-1.safetensors").touch()
    made = build([root], tmp_path / "report")
    for told in (made.loaded.problems, made.loaded.unfinished):
        assert len(told) == LINES + 1
        assert "5 more: " in told[-1]
        assert "left-out.csv" in told[-1]
    section = made.report.page.read_text().partition("What was left out</h3>")[2].partition("</footer>")[0]
    assert section.count("<li>") == LINES + 1
    assert "30 more: all of them are in the table" in section
    assert 'href="tables/left-out.csv"' in section
    everything = pd.read_csv(tmp_path / "report/tables/left-out.csv")["left_out"].tolist()
    assert everything == [*made.loaded.left_out, *made.loaded.begun]
    assert len(everything) == 2 * (LINES + 5)


def test_little_that_was_left_out_makes_no_table(tmp_path, no_figures):
    root = tmp_path / "results"
    fill(root, seeds=(0,), accuracies=TWO)
    (root / "damaged").mkdir()
    (root / "damaged" / "result.json").write_text("{")
    made = build([root], tmp_path / "report")
    assert made.loaded.problems == made.loaded.left_out
    assert len(made.loaded.problems) == 1
    assert not (tmp_path / "report/tables/left-out.csv").exists()


def test_of_many_commands_the_page_lists_the_first_and_the_csv_has_each(tmp_path, no_figures):
    for seed in range(LINES + 2):
        predicted = outcome("cifar10", 90.0, seed)
        result = synthetic_result(seed=seed, predicted=predicted)
        store(tmp_path / "results", with_command(result, f"pytest bench --seeds {seed}"), predicted)
    made = build([tmp_path / "results"], tmp_path / "report")
    section = made.report.page.read_text().partition("What was run</h3>")[2].partition("</pre>")[0]
    assert section.count("pytest bench") == LINES
    assert "2 more: # the CSV tables of runs" in section
    commands = pd.read_csv(tmp_path / "report/tables/cifar10.csv")["commands"]
    assert commands.tolist() == [f"pytest bench --seeds {seed}" for seed in range(LINES + 2)]


def with_command(result, command):
    return replace(result, attempts=(replace(result.attempts[0], command=command),))


def test_where_runs_are_cut_the_warning_leads_to_the_csv(tmp_path, no_figures, monkeypatch):
    fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    store(tmp_path / "results", failed_result(seed=7))
    pages = []
    for most in (3, 2):
        monkeypatch.setattr("harness.report.page.render.PAGE_ROWS", most)
        pages.append(build([tmp_path / "results"], tmp_path / "report").report.page.read_text())
    assert ["of long ones in the CSV (status, cause)" in page for page in pages] == [False, True]


def test_a_report_is_not_searched_for_garbage_and_leaves_collecting_as_it_was(tmp_path, monkeypatch):
    before, frozen = gc.get_freeze_count(), []

    def study(*_):
        frozen.append(gc.get_freeze_count())
        raise OSError("no space")

    fill(tmp_path / "results", seeds=(0,), accuracies=TWO)
    monkeypatch.setattr("harness.report.build.study_figures", study)
    with pytest.raises(OSError, match="no space"):
        build([tmp_path / "results"], tmp_path / "report")
    assert frozen[0] > before
    assert gc.get_freeze_count() == 0
