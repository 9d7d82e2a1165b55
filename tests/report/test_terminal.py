from dataclasses import replace

import pandas as pd
import pytest
from harness.report.tables import comparison_tables, terminal_text, write_tables

from harness.published import PUBLISHED
from harness.recipes import CIFAR10, PUBLISHED_RECIPES


@pytest.fixture
def make(tiny_result):
    """A result as of the study's ResNet-20 on CIFAR-10, with changes."""

    def result(case_changes=None, **changes):
        full = {"model": "resnet20", "dataset": "cifar10", "params": 269_722, "macs": 40_551_040}
        content = full | {"accuracy_percent": 88.5, "macro_f1_percent": 88.25, "marginal_gain": 0.031} | changes
        case = replace(
            tiny_result.case,
            model=content["model"],
            dataset=content["dataset"],
            seed=changes.get("seed", 0),
            mode=changes.get("mode", "full"),
            recipe=PUBLISHED_RECIPES.get(content["dataset"], tiny_result.case.recipe),
        )
        case = replace(case, **(case_changes or {}))
        return replace(tiny_result, case=case, epoch_seconds=(9.0, 10.0), total_seconds=19.0, **content)

    return result


def test_each_dataset_and_mode_has_a_table_of_its_own_in_the_studys_order(make):
    results = [
        make(dataset="folder:/x/photos"),
        make(dataset="digits"),
        make(mode="quick"),
        make(),
        make(mode="shortened"),
    ]
    tables = comparison_tables(results)
    assert [(table.dataset, table.mode) for table in tables] == [
        ("cifar10", "full"),
        ("cifar10", "shortened"),
        ("cifar10", "quick"),
        ("digits", "full"),
        ("folder:/x/photos", "full"),
    ]
    assert [table.file_name for table in tables] == [
        "cifar10", "cifar10-shortened", "cifar10-smoke", "digits", "folder-photos",
    ]  # fmt: skip


def test_rows_of_both_pipelines_are_told_apart(make):
    (table,) = comparison_tables([make({"pipeline": "reference"}), make()])
    text = terminal_text(table, 160)
    assert [line.split()[0:2] for line in text.splitlines() if line.startswith("resnet20")] == [
        ["resnet20", "3"],
        ["resnet20", "ref"],
    ]
    assert "ref: trained by the reference pipeline" in text
    assert "fp32, reference pipeline; times compare only within one" in text
    assert sorted(table.frame["pipeline"]) == ["fast", "reference"]
    (alone,) = comparison_tables([make()])
    assert "ref" not in terminal_text(alone, 160)


def test_compile_time_is_told_apart_from_training(make):
    (table,) = comparison_tables([make({"compiled": True}, compile_seconds=31.4)])
    assert "networks compiled, in no epoch's time: resnet20 seed 0 31s" in terminal_text(table, 160)
    assert table.frame["compile_seconds"].tolist() == [31.4]


def test_models_stand_in_the_papers_order_and_seeds_in_theirs(make):
    models = ["resnet20-8", "resnet110", "resnet20", "resnet20-2"]
    results = [make(model=model, seed=seed) for model in models for seed in (10, 2)]
    (table,) = comparison_tables(results)
    assert table.frame[["model", "seed"]].to_numpy().tolist() == [
        [model, seed] for model in ("resnet20", "resnet110", "resnet20-2", "resnet20-8") for seed in (2, 10)
    ]


def test_published_values_stand_beside_the_measured_ones(make):
    (table,) = comparison_tables([make()])
    published = PUBLISHED["cifar10", "resnet20"]
    row = table.frame.iloc[0]
    assert row["accuracy_percent"] == 88.5
    assert row["epoch_seconds"] == 9.5
    assert row["published_accuracy_percent"] == published.accuracy_percent
    assert row["published_epoch_seconds"] == published.epoch_seconds
    assert row["published_marginal_gain"] == pytest.approx(0.03152, rel=1e-3)
    narrow, wide = ([line.split() for line in terminal_text(table, columns).splitlines()] for columns in (80, 160))
    assert ["resnet20", "269.7k", "40.55M", "9.50", "19s", "88.50", "88.25", "0.031"] in narrow
    assert ["paper", "9.40", "47m00s", "88.90", "88.17", "0.03152"] in narrow
    measured = ["resnet20", "3", "269.7k", "40.55M"]
    measured += ["9.50", "9.40", "19s", "47m00s", "88.50", "88.90", "88.25", "88.17", "0.031", "0.03152"]
    assert measured in wide


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "quick"},
        {"mode": "shortened"},
        {"dataset_whole": False},
        {"case_changes": {"recipe": replace(CIFAR10, learning_rate=0.05)}},
        {"case_changes": {"shortcut": "B"}},
    ],
)
def test_smoke_shortened_and_partial_rows_are_not_held_against_published_values(change, make):
    (table,) = comparison_tables([make(**change)])
    assert table.frame.filter(like="published").isna().all(axis=None)
    assert "paper" not in terminal_text(table, 80) + terminal_text(table, 160)


def test_smoke_and_shortened_tables_say_so(make):
    titles = {
        table.mode: table.title for table in comparison_tables([make(mode=m) for m in ("quick", "shortened", "full")])
    }
    assert "SMOKE" in titles["quick"]
    assert "SHORTENED" in titles["shortened"]
    assert titles["full"] == "cifar10"


@pytest.mark.parametrize("columns", [80, 100, 120, 140, 160])
def test_a_table_fits_its_terminal_and_its_columns_line_up(columns, make):
    slow = {
        "total_seconds": 9e6,
        "epoch_seconds": (30000.0,) * 300,
        "marginal_gain": 1.05e-05,
        "accuracy_percent": 100.0,
    }
    results = [make(model=model, seed=seed) for model in ("resnet20", "resnet20-8") for seed in (0, 11)]
    results = [replace(result, **slow) for result in results]
    (table,) = comparison_tables(results)
    lines = terminal_text(table, columns).splitlines()
    body = [line for line in lines if line.startswith(("-", "model", "resnet", "  paper"))]
    assert len(body) == 3 + 1 + 4 * (2 if columns < 140 else 1)
    assert max(map(len, lines)) <= columns
    assert len({len(line) for line in body}) == 1


def test_a_case_that_did_not_complete_is_marked_and_its_cause_told(make):
    failed = make(
        status="diverged",
        cause="the loss is no longer a number",
        accuracy_percent=None,
        macro_f1_percent=None,
        marginal_gain=None,
    )
    (table,) = comparison_tables([failed])
    text = terminal_text(table, 80)
    assert "resnet20 !" in text
    assert "resnet20 seed 0: diverged (the loss is no longer a number)" in text
    assert "nan" not in text.lower()


def test_what_a_reader_has_to_know_is_noted(make):
    environment = make().environment | {"gpu": "NVIDIA H200"}
    attempts = tuple(replace(attempt, environment=environment) for attempt in make().attempts)
    other = replace(make(seed=1), environment=environment, attempts=attempts)
    (table,) = comparison_tables([make(dataset_verified=False), other])
    text = " ".join(table.notes)
    assert "NVIDIA H200" in text
    assert "times compare only within one" in text
    assert "could not be verified" in text
    (partial,) = comparison_tables([make(dataset_whole=False, train_images=1290)])
    assert "not the whole dataset (1,290 training images): published values left out" in partial.notes
    (stood_in,) = comparison_tables([make(mode="quick", stand_in=True)])
    assert "the dataset is not on disk: digits stand in for it, reshaped" in stood_in.notes
    (own,) = comparison_tables([make(case_changes={"recipe": replace(CIFAR10, learning_rate=0.05)})])
    assert "resnet20: not trained by the study's recipe, published values left out" in own.notes
    (held_out,) = comparison_tables([make(case_changes={"val_split": 0.1})])
    assert "10% of the training images held out for validation" in held_out.notes


def test_the_users_own_images_need_no_verifying(make):
    (table,) = comparison_tables([make(dataset="folder:/x/photos", dataset_verified=False)])
    assert "verified" not in " ".join(table.notes)


TIMES = ["epoch_seconds", "total_seconds", "marginal_gain", "images_per_second"]


def interrupted(result, *first_epochs, **environment):
    """The result as of a training that was resumed at those epochs, on something else where ``environment`` says so."""
    (first,) = result.attempts
    later = [replace(first, first_epoch=epoch, environment=first.environment | environment) for epoch in first_epochs]
    return replace(result, attempts=(first, *later))


def test_interruptions_are_noted_and_the_times_stand(make):
    (table,) = comparison_tables([interrupted(make(epochs=2), 1, 2), make(seed=1)])
    assert "resnet20 seed 0: interrupted after epoch 0, 1, and resumed" in table.notes
    assert "resnet20 seed 1: interrupted" not in " ".join(table.notes)
    assert table.frame["interruptions"].tolist() == [2, 0]
    assert table.frame["changes_between_attempts"].tolist() == ["", ""]
    assert table.frame[TIMES].notna().all(axis=None)


@pytest.mark.parametrize(
    ("environment", "change"),
    [
        ({"threads": 7}, "1 thread → 7 threads"),
        ({"gpu": "NVIDIA H200"}, "→ NVIDIA H200"),
        ({"versions": {"torch": "9.9"}}, "→ torch 9.9"),
    ],
)
def test_times_of_a_training_resumed_on_something_else_are_left_out_and_its_accuracy_stands(make, environment, change):
    (first,) = make().attempts
    plain = replace(make(epochs=2), attempts=(replace(first, environment=first.environment | {"threads": 1}),))
    (table,) = comparison_tables([interrupted(plain, 2, **environment), make(seed=1)])
    (note,) = [note for note in table.notes if "interrupted after epoch 1, and resumed with a change" in note]
    assert change in note
    assert note.endswith("its accuracy may be compared, its times may not")
    resumed, other = table.frame.iloc[0], table.frame.iloc[1]
    assert resumed[TIMES].isna().all()
    assert other[TIMES].notna().all()
    assert change in resumed["changes_between_attempts"]
    assert resumed["accuracy_percent"] == 88.5
    assert resumed["published_epoch_seconds"] == PUBLISHED["cifar10", "resnet20"].epoch_seconds
    for columns in (80, 160):
        assert "nan" not in terminal_text(table, columns).lower()


def test_an_attempt_that_finished_no_epoch_spoils_no_times(make):
    (table,) = comparison_tables([interrupted(make(epochs=2), 3, gpu="NVIDIA H200")])
    assert "resnet20 seed 0: interrupted after epoch 2, and resumed" in table.notes
    assert table.frame[TIMES].notna().all(axis=None)


def test_rows_trained_by_different_code_are_noted(make):
    note = "trained by different versions of the harness's code (training_code in the CSV)"
    other = replace(make(seed=1), environment=make().environment | {"training_code": "0123456789ab"})
    (table,) = comparison_tables([make(), other])
    assert note in table.notes
    assert table.frame["training_code"].tolist() == [make().environment["training_code"], "0123456789ab"]
    (same,) = comparison_tables([make(), make(seed=1)])
    assert note not in same.notes


def test_rows_trained_on_different_images_are_noted(make):
    note = "trained on different images (data_fingerprint in the CSV): not to be compared with one another"
    (table,) = comparison_tables([make(), make({"data_fingerprint": "1" * 64}, seed=1)])
    assert note in table.notes
    assert table.frame["data_fingerprint"].tolist() == [make().case.data_fingerprint[:12], "1" * 12]
    (same,) = comparison_tables([make(), make(seed=1)])
    assert note not in same.notes


def test_the_seconds_of_checkpoints_are_told_apart_from_training(make):
    (table,) = comparison_tables([make(checkpoint_seconds=1.25)])
    assert table.frame["checkpoint_seconds"].tolist() == [1.25]
    assert table.frame["total_seconds"].tolist() == [19.0]


def test_tables_are_written_as_csv_with_plain_numbers_and_as_markdown(make, tmp_path):
    written = write_tables(comparison_tables([make(), make(mode="quick")]), tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        "tables/cifar10.csv", "tables/cifar10.md", "tables/cifar10-smoke.csv", "tables/cifar10-smoke.md",
    ]  # fmt: skip
    frame = pd.read_csv(tmp_path / "tables/cifar10.csv")
    assert frame.loc[0, ["params", "accuracy_percent", "published_accuracy_percent"]].tolist() == [269_722, 88.5, 88.9]
    markdown = (tmp_path / "tables/cifar10.md").read_text().splitlines()
    assert markdown[0] == "# cifar10"
    assert markdown[2].startswith("| model ")
    assert "SMOKE" in (tmp_path / "tables/cifar10-smoke.md").read_text()


def test_a_folder_without_results_makes_no_table():
    assert comparison_tables([]) == []
