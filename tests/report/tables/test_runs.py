from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from harness.config.recipes import CIFAR10
from harness.paper.published import PUBLISHED
from harness.report.tables.runs import mode_text, run_notes, run_row, runs_table
from harness.report.truncation import MAX_NAMES
from tests.helpers.synthetic import ENVIRONMENT, failed_result, synthetic_result
from tests.report.studies import evidence_of

TIMES = ["epoch_seconds", "total_seconds", "marginal_gain", "images_per_second"]


def resumed(result, *first_epochs, **environment):
    """Return the result as if resumed at those epochs, with changes to the environment."""
    (first,) = result.attempts
    later = [replace(first, first_epoch=epoch, environment=first.environment | environment) for epoch in first_epochs]
    return replace(result, attempts=(first, *later))


def test_hardware_is_noted_and_times_compare_within_one_only():
    (note, *_) = run_notes([synthetic_result(), synthetic_result(seed=1, environment={"gpu": "NVIDIA H200"})])
    assert note == "measured on AMD EPYC, 2 threads, fp32 and NVIDIA H200, fp32; times compare only within one"
    (note, *_) = run_notes([synthetic_result(), synthetic_result(seed=1)])
    assert note == "measured on AMD EPYC, 2 threads, fp32"


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"dataset_verified": False}, "this layout of the images has no checksums: they are not verified"),
        (
            {"dataset_whole": False, "train_images": 1290},
            "not the whole dataset (1,290 training images): published values left out",
        ),
        ({"mode": "quick", "stand_in": True}, "the dataset is not on disk: resized digits replace it"),
        (
            {"case_changes": {"recipe": replace(CIFAR10, learning_rate=0.05)}},
            "resnet20: not trained by the study's recipe, published values left out",
        ),
        ({"case_changes": {"val_split": 0.1}}, "10% of the training images held out for validation"),
        ({"epoch_seconds_list": (1.0, 1.0, 2.5)}, "epoch times vary more than twofold, the machine was busy"),
        ({"case_changes": {"deterministic": True}}, "fp32, deterministic"),
        ({"case_changes": {"compiled": True}, "compile_seconds": 31.4}, "in no epoch's time: resnet20 seed 0 31s"),
    ],
)
def test_notes_name_every_deviation_from_the_study(changes, note):
    seconds = changes.pop("epoch_seconds_list", None)
    result = synthetic_result(**changes)
    result = replace(result, epoch_seconds=seconds) if seconds else result
    assert note in " ".join(run_notes([result]))
    assert note not in " ".join(run_notes([synthetic_result()]))


def test_notes_on_networks_name_each_model_once():
    note, other = "MACs by torch's counter", "trained step by step"
    results = [synthetic_result(model="resnet20", seed=seed, notes=(note,)) for seed in (0, 1)]
    results.append(synthetic_result(model="resnet20-2", notes=(note, other)))
    assert run_notes(results)[1:] == [f"resnet20, resnet20-2: {note}", f"resnet20-2: {other}"]
    assert run_row(results[-1])["notes"] == f"{note}; {other}"


def test_what_was_switched_off_is_noted_with_its_models():
    off = {"capture": "it ran out of memory"}
    results = [synthetic_result(model=model, switched_off=off) for model in ("resnet20", "resnet56")]
    assert run_notes(results)[1:] == ["resnet20, resnet56: trained without capture: it ran out of memory"]
    assert run_row(results[0])["switched_off"] == "capture: it ran out of memory"
    assert run_row(synthetic_result())["switched_off"] is None


def test_own_images_need_no_verification():
    own = synthetic_result(dataset_verified=False)
    own = replace(own, dataset="folder:/x/photos", case=replace(own.case, dataset="folder:/x/photos"))
    assert "verified" not in " ".join(run_notes([own]))


def test_failure_is_noted_with_its_cause():
    failed = failed_result("out_of_memory", seed=3)
    assert "resnet20 seed 3: out_of_memory (the loss is no longer a number)" in run_notes([failed])


def test_interruptions_are_noted_and_times_kept():
    one = resumed(synthetic_result(), 151, 201)
    notes = run_notes([one, synthetic_result(seed=1)])
    assert "resnet20 seed 0: interrupted after epochs 150 and 200, and resumed" in notes
    assert "resnet20 seed 1: interrupted" not in " ".join(notes)
    row = run_row(one)
    assert (row["interruptions"], row["changes_between_attempts"]) == (2, "")
    assert None not in [row[name] for name in TIMES]


@pytest.mark.parametrize(
    ("environment", "change"),
    [
        ({"threads": 7}, "2 threads → 7 threads"),
        ({"gpu": "NVIDIA H200"}, "→ NVIDIA H200"),
        ({"versions": {"torch": "9.9"}}, "→ torch 9.9"),
    ],
)
def test_times_resumed_on_other_hardware_are_omitted_accuracy_kept(environment, change):
    one = resumed(synthetic_result(), 2, **environment)
    (note,) = [note for note in run_notes([one]) if "interrupted after epoch 1, and resumed with a change" in note]
    assert change in note
    assert note.endswith("its accuracy is comparable, its times are not")
    row = run_row(one)
    assert [row[name] for name in TIMES] == [None] * 4
    assert change in row["changes_between_attempts"]
    assert row["accuracy_percent"] == 90.0
    assert row["published_epoch_seconds"] == PUBLISHED["cifar10", "resnet20"].epoch_seconds


def test_attempt_without_a_finished_epoch_keeps_times_valid():
    one = resumed(synthetic_result(), 301, gpu="NVIDIA H200")
    assert "resnet20 seed 0: interrupted after epoch 300, and resumed" in run_notes([one])
    assert None not in [run_row(one)[name] for name in TIMES]


def test_rows_have_the_version_of_the_code_that_trained_them():
    other = synthetic_result(seed=1, environment={"training_code": "0123456789ab"})
    assert run_row(other)["training_code"] == "0123456789ab"
    assert run_row(synthetic_result())["training_code"] == ENVIRONMENT["training_code"]


def test_rows_trained_on_different_images_are_noted():
    note = "trained on different images (data_fingerprint in the CSV): not comparable with one another"
    other = synthetic_result(seed=1, case_changes={"data_fingerprint": "1" * 64})
    assert note in run_notes([synthetic_result(), other])
    assert note not in run_notes([synthetic_result(), synthetic_result(seed=1)])
    assert run_row(other)["data_fingerprint"] == "1" * 12


def test_checkpoint_seconds_are_separate_from_training():
    row = run_row(synthetic_result(checkpoint_seconds=1.25))
    assert (row["checkpoint_seconds"], row["total_seconds"]) == (1.25, 3000.0)


def test_every_result_has_a_row_in_study_order_with_its_folder():
    results = [
        synthetic_result(model="resnet20-4"),
        failed_result(model="resnet110"),
        synthetic_result(seed=10),
        synthetic_result(seed=2),
    ]
    evidence = evidence_of(*results)
    table = runs_table(evidence)
    assert [(row["model"], row["seed"], row["status"]) for row in table.rows] == [
        ("resnet20", 2, "complete"),
        ("resnet20", 10, "complete"),
        ("resnet20-4", 0, "complete"),
        ("resnet110", 0, "diverged"),
    ]
    assert table.rows[-1]["runs"] == {0: Path("results") / results[1].case.folder_name}
    assert table.cells[-1][:3] == ["resnet110", "0", "diverged"]


def test_published_values_appear_only_if_comparable():
    comparable = runs_table(evidence_of(synthetic_result()))
    assert comparable.headings.count("paper") == 4
    shortened = replace(CIFAR10, epochs=30, milestones=(15,))
    for other in (
        synthetic_result(mode="shortened", case_changes={"recipe": shortened}),
        synthetic_result(dataset_whole=False),
        synthetic_result(case_changes={"shortcut": "B"}),
    ):
        table = runs_table(evidence_of(other))
        assert "paper" not in table.headings
        assert table.frame.filter(like="published").isna().all(axis=None)


def test_smoke_and_shortened_tables_are_marked_in_title_and_rows():
    titles = {}
    for mode in ("full", "shortened", "quick"):
        table = runs_table(evidence_of(synthetic_result(mode=mode)))
        titles[mode] = table.title
        assert [row["mode"] for row in table.rows] == [mode]
    assert titles["full"] == "CIFAR-10: every run"
    assert "SHORTENED (300 epochs)" in titles["shortened"]
    assert "SMOKE" in titles["quick"]


def test_runs_csv_has_every_measure_as_a_plain_number():
    frame = pd.DataFrame(runs_table(evidence_of(synthetic_result())).frame)
    row = frame.iloc[0]
    assert row[["params", "accuracy_percent", "published_accuracy_percent"]].tolist() == [269_722, 90.0, 88.9]
    assert row["total_seconds"] == 3000.0


def test_notes_on_many_cases_are_cut_and_the_csv_has_each():
    seeds = range(MAX_NAMES + 2)
    unsteady = (1.0, 1.0, 2.5)
    compiled = {"compiled": True}
    failed = [failed_result(seed=seed) for seed in seeds]
    count_noun = [
        ("not completed (status and cause in the CSV)", "cause", failed, "the loss is no longer a number"),
        (
            "interrupted and resumed (interrupted_after in the CSV)",
            "interrupted_after",
            [resumed(synthetic_result(seed=seed), 151, 201) for seed in seeds],
            "150 200",
        ),
        ("and 2 more (is_unsteady in the CSV)", "is_unsteady",
         [replace(synthetic_result(seed=seed), epoch_seconds=unsteady) for seed in seeds], True),
        ("and 2 more (compile_seconds in the CSV)", "compile_seconds",
         [synthetic_result(seed=seed, case_changes=compiled, compile_seconds=31.0) for seed in seeds], 31.0),
    ]  # fmt: skip
    for words, column, results, value in count_noun:
        (note,) = [note for note in run_notes(results) if words in note]
        assert "2 more" in note
        assert len(run_notes(results)) <= MAX_NAMES + 2
        assert words not in " ".join(run_notes(results[:MAX_NAMES]))
        assert [run_row(one)[column] for one in results] == [value] * len(results)


def test_titles_of_shortened_runs_have_their_epochs():
    assert mode_text("full", [300]) == ""
    assert mode_text("shortened", [1]).startswith(" · SHORTENED (1 epoch): ")
    assert mode_text("shortened", [30, 4, 30]).startswith(" · SHORTENED (4, 30 epochs): ")


def test_superseded_runs_and_different_rates_are_told_apart():
    plain = synthetic_result(model="resnet20", seed=0)
    later = replace(plain, finished_at="2999-01-01T00:00:00+00:00")
    table = runs_table(replace(evidence_of(later), superseded=(plain,)))
    assert [cells[table.headings.index("status")] for cells in table.cells] == ["complete", "complete, superseded"]
    assert "learning rate" not in table.headings
    other = replace(plain, case=replace(plain.case, recipe=replace(plain.case.recipe, learning_rate=0.5)))
    table = runs_table(replace(evidence_of(later), superseded=(other,)))
    assert [cells[table.headings.index("learning rate")] for cells in table.cells] == ["0.1", "0.5"]
