from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.analysis.sequential import SequentialPlan
from harness.report.loading import LoadedResults, load_results_folders
from harness.report.truncation import MAX_LINES
from harness.results.declared_looks import FILE, DeclaredLooks, declare_looks, looks_key
from harness.results.folder import ResultsFolder
from tests.helpers.synthetic import outcome, store, synthetic_result
from tests.report.studies import TWO_MODELS, build_report, store_study


@pytest.mark.parametrize("name", ["predictions.npz", "epochs.jsonl"])
@pytest.mark.parametrize("damage", ["flipped", "gone"])
def test_damaged_file_beside_a_result_is_reported_and_left_out(name, damage, tmp_path, no_figures):
    kept = store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    path = tmp_path / "results" / kept[0].case.folder_name / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert made.loaded.problems == [f"{path} is missing" if damage == "gone" else made.loaded.problems[0]]
    assert str(path) in made.loaded.problems[0]
    section = made.report.page.read_text().partition("Files left out</h3>")[2]
    assert f"results/{kept[0].case.folder_name}/{name}" in section
    frame = pd.read_csv(tmp_path / "report/tables/cifar10-differences.csv")
    (note,) = frame["note"]
    assert note.startswith("two proportions" if name == "predictions.npz" else "McNemar")


def test_unreadable_result_is_reported_and_others_are_kept(tmp_path, no_figures):
    kept = store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    path = tmp_path / "results" / kept[0].case.folder_name / "result.json"
    path.write_text(path.read_text().replace("0.", "1.", 1))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert [result.model for result in made.loaded.results] == ["resnet56"]
    assert f"results/{kept[0].case.folder_name}/result.json" in made.report.page.read_text()


def test_folder_given_twice_is_read_once(tmp_path, monkeypatch):
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    monkeypatch.chdir(tmp_path)
    loaded = load_results_folders([Path("results"), tmp_path / "results"])
    assert loaded.folders == [Path("results")]
    assert len(loaded.results) == 2


def test_many_left_out_files_are_cut_and_a_table_has_all(tmp_path, no_figures):
    root = tmp_path / "results"
    store_study(root, seeds=(0,), accuracies=TWO_MODELS)
    for number in range(MAX_LINES + 5):
        (root / f"damaged{number:02d}").mkdir()
        (root / f"damaged{number:02d}" / "result.json").write_text("{")
        (root / f"started{number:02d}").mkdir()
        (root / f"started{number:02d}" / "checkpoint-1.safetensors").touch()
    made = build_report([root], tmp_path / "report")
    for shown in (made.loaded.problems, made.loaded.unfinished):
        assert len(shown) == MAX_LINES + 1
        assert "5 more: " in shown[-1]
        assert "left-out.csv" in shown[-1]
    section = made.report.page.read_text().partition("Files left out</h3>")[2].partition("</footer>")[0]
    assert section.count("<li>") == MAX_LINES + 1
    assert "30 more: all of them are in the table" in section
    assert 'download="left-out.csv"' in section
    everything = pd.read_csv(tmp_path / "report/tables/left-out.csv")["left_out"].tolist()
    assert everything == [
        line.replace(f"{root}/", "results/") for line in (*made.loaded.left_out, *made.loaded.started)
    ]
    assert len(everything) == 2 * (MAX_LINES + 5)


def test_few_left_out_files_make_no_table(tmp_path, no_figures):
    root = tmp_path / "results"
    store_study(root, seeds=(0,), accuracies=TWO_MODELS)
    (root / "damaged").mkdir()
    (root / "damaged" / "result.json").write_text("{")
    made = build_report([root], tmp_path / "report")
    assert made.loaded.problems == made.loaded.left_out
    assert len(made.loaded.problems) == 1
    assert not (tmp_path / "report/tables/left-out.csv").exists()


def test_a_study_is_reported_by_the_looks_that_it_declared(tmp_path):
    store_study(tmp_path)
    declare_looks(tmp_path, {looks_key("cifar10", "full"): DeclaredLooks((0, 1, 2, 3, 4), (3, 4, 5))})
    loaded = load_results_folders([tmp_path])
    assert loaded.plan_of(loaded.evidence[0]) == SequentialPlan((0, 1, 2, 3, 4), (3, 4, 5))


@pytest.mark.parametrize(
    ("declared", "share", "are_found"),
    [
        ({"epochs": 300}, 1.0, True),
        ({}, 1.0, True),  # of an earlier version
        ({"epochs": 30}, 1.0, False),
        ({"epochs": 300, "train_fraction": 0.1}, 1.0, False),
        ({"epochs": 300, "train_fraction": 0.1}, 0.1, True),
        ({"epochs": 300}, 0.1, False),
    ],
)
def test_a_shortened_study_has_the_looks_of_its_schedule_and_share(tmp_path, declared, share, are_found):
    store_study(tmp_path)
    (evidence,) = load_results_folders([tmp_path]).evidence
    runs = [
        replace(run, result=replace(run.result, case=replace(run.result.case, train_fraction=share)))
        for run in evidence.runs
    ]
    looks = {looks_key("cifar10", "shortened", **declared): DeclaredLooks((0, 1, 2, 3, 4), (3, 4, 5))}
    loaded = LoadedResults([tmp_path], looks={evidence.folder: looks})
    study = replace(evidence, mode="shortened", runs=tuple(runs))
    assert (loaded.plan_of(study) is not None) == are_found


def test_looks_are_void_for_a_study_with_other_seeds(tmp_path):
    store_study(tmp_path)
    declare_looks(tmp_path, {looks_key("cifar10", "full"): DeclaredLooks((0, 1), (2,))})
    loaded = load_results_folders([tmp_path])
    assert loaded.plan_of(loaded.evidence[0]) is None


def test_damaged_looks_are_left_out_by_name(tmp_path):
    (tmp_path / FILE).write_text("{")
    assert [line for line in load_results_folders([tmp_path]).left_out if FILE in line]


@pytest.mark.parametrize("state", ["cleared", "finished again"])
def test_case_that_is_trained_again_meanwhile_is_not_damaged(state, tmp_path, monkeypatch):
    first, *_ = store_study(tmp_path, seeds=(0,), accuracies=TWO_MODELS)
    results, held = ResultsFolder(tmp_path), []

    def train_again(_):
        held.append(release := results.lock(first.case))
        results.clear(first.case)
        if state == "finished again":
            store(tmp_path, replace(first, finished_at="2026-11-30"), outcome("cifar10", first.accuracy_percent, 7))
            release()
        return [], []

    monkeypatch.setattr("harness.report.loading.read_recorded", train_again)
    loaded = load_results_folders([tmp_path])
    assert loaded.left_out == []
    assert loaded.started == [f"being trained again now, and left out: {first.case.folder_name}"]
    assert [one.model for one in loaded.results] == ["resnet56"]


def test_few_results_with_other_labels_than_most_are_left_out(tmp_path):
    store_study(tmp_path, seeds=(0, 1), accuracies=TWO_MODELS)
    labels, predictions = outcome("cifar10", 90.0, 5)
    other = (labels + 1) % 10, (predictions + 1) % 10
    odd = store(tmp_path, synthetic_result(seed=5, predicted=other), other)
    loaded = load_results_folders([tmp_path])
    assert len(loaded.results) == 4
    path = tmp_path / odd.case.folder_name / "result.json"
    assert loaded.left_out == [f"{path}: its test labels are not those of 4 other results of the same images"]


@pytest.mark.parametrize("forged_seeds", [(0,), (0, 1)])
def test_results_of_another_folder_do_not_remove_honest_ones(forged_seeds, tmp_path):
    one_model = {"resnet20": 89.0}
    store_study(tmp_path / "own", seeds=(0,), accuracies=one_model)
    for seed in forged_seeds:
        labels, predictions = outcome("cifar10", 90.0, seed)
        other = (labels + 1) % 10, (predictions + 1) % 10
        store(tmp_path / "foreign", synthetic_result(seed=seed, predicted=other), other)
    loaded = load_results_folders([tmp_path / "foreign", tmp_path / "own"])
    assert loaded.left_out == []
    assert [one.folder.name for one in loaded.evidence] == ["foreign", "own"]


def test_as_many_results_for_each_of_two_labels_are_left_out(tmp_path):
    first, _ = store_study(tmp_path, seeds=(0,), accuracies=TWO_MODELS)
    labels, predictions = outcome("cifar10", 90.0, 5)
    other = (labels + 1) % 10, (predictions + 1) % 10
    odd = [store(tmp_path, synthetic_result(seed=seed, predicted=other), other) for seed in (5, 6)]
    loaded = load_results_folders([tmp_path])
    assert loaded.results == []
    paths = [tmp_path / one.case.folder_name / "result.json" for one in (first, odd[0])]
    assert f"{paths[0]}: its test labels and those of {paths[1]} contradict each other" in loaded.left_out
    assert f"{paths[1]}: its test labels and those of {paths[0]} contradict each other" in loaded.left_out
