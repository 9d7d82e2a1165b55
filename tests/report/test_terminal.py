import re
from dataclasses import replace

import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.evidence import published_evidence
from harness.analysis.power import Spread
from harness.config.recipes import CIFAR10, PUBLISHED_RECIPES
from harness.paper.published import PUBLISHED
from harness.report.answer_text import answer_lines
from harness.report.build import WrittenReport
from harness.report.tables.table import Column, Table
from harness.report.terminal import comparison_tables, report_text, terminal_text
from harness.text import printable, printable_lines
from harness.text import table as text_table
from tests.helpers.evil_names import EVIL_NAMES
from tests.report.studies import build_report, store_study


@pytest.fixture
def make(tiny_result):
    """A function that makes a result like the study's ResNet-20 on CIFAR-10, with changes."""

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
        times = {"epoch_seconds": (9.0, 10.0), "total_seconds": 19.0, "disturbed_epochs": ()}
        return replace(tiny_result, case=case, **times, **content)

    return result


def test_each_dataset_and_mode_has_its_own_table_in_study_order(make):
    results = [
        make(dataset="folder:/x/photos"),
        make(dataset="digits"),
        make(mode="quick"),
        make(),
        make(mode="shortened"),
    ]
    tables = comparison_tables(results)
    assert [(table.title.split(" · ")[0], {row["mode"] for row in table.rows}) for table in tables] == [
        ("CIFAR-10", {"full"}),
        ("CIFAR-10", {"shortened"}),
        ("CIFAR-10", {"quick"}),
        ("digits", {"full"}),
        ("photos", {"full"}),
    ]


def test_rows_of_both_pipelines_have_distinct_names(make):
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


def test_compile_time_is_separate_from_training(make):
    (table,) = comparison_tables([make({"compiled": True}, compile_seconds=31.4)])
    assert "compile time, in no epoch's time: resnet20 seed 0 31s" in terminal_text(table, 160)
    assert table.frame["compile_seconds"].tolist() == [31.4]


def test_models_are_in_paper_order_and_seeds_ascend(make):
    models = ["resnet20-8", "resnet110", "resnet20", "resnet20-2"]
    results = [make(model=model, seed=seed) for model in models for seed in (10, 2)]
    (table,) = comparison_tables(results)
    assert table.frame[["model", "seed"]].to_numpy().tolist() == [
        [model, seed] for model in ("resnet20", "resnet110", "resnet20-2", "resnet20-8") for seed in (2, 10)
    ]


def test_published_values_appear_beside_measured_ones(make):
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


def test_published_values_appear_once_for_each_model(make):
    results = [make(model=model, seed=seed) for model in ("resnet20", "resnet56") for seed in (0, 1, 2)]
    (table,) = comparison_tables(results)
    accuracies = [PUBLISHED["cifar10", model].accuracy_percent for model in ("resnet20", "resnet56")]
    assert [row["published_accuracy_percent"] for row in table.rows] == [
        accuracies[0], None, None, accuracies[1], None, None
    ]  # fmt: skip
    assert sum(line.startswith("  paper") for line in terminal_text(table, 80).splitlines()) == 2


def test_rows_of_one_model_are_told_apart_by_the_recipes_names(make):
    def names_by(*recipes):
        results = [
            make({"recipe": replace(CIFAR10, name=name, learning_rate=0.1 + place)})
            for place, name in enumerate(recipes)
        ]
        (table,) = comparison_tables(results)
        return [row["name"] for row in table.rows]

    assert sorted(names_by("cifar-lr0.1", "cifar-lr0.02")) == ["resnet20 cifar-lr0.02", "resnet20 cifar-lr0.1"]
    assert sorted(names_by("mine", "mine", "other")) == ["resnet20 lr 0.1", "resnet20 lr 1.1", "resnet20 lr 2.1"]
    assert sorted(name[:10] for name in names_by("", "other")) == ["resnet20 #", "resnet20 o"]
    assert names_by("other") == ["resnet20"]


def test_long_row_names_drop_columns_to_fit(make):
    results = [
        make({"pipeline": "reference", "val_split": share}, model="resnet110-16", seed=10, status="diverged")
        for share in (0.1, 0.2)
    ]
    (table,) = comparison_tables([*results, make(seed=0)])
    lines = terminal_text(table, 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("resnet110-16 ref s10 #") for line in lines) == 2
    assert "params" in lines[2]
    assert "gain" not in lines[2]


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
def test_incomparable_rows_have_no_published_values(change, make):
    (table,) = comparison_tables([make(**change)])
    assert table.frame.filter(like="published").isna().all(axis=None)
    assert "paper" not in terminal_text(table, 80) + terminal_text(table, 160)


def test_smoke_and_shortened_titles_are_marked(make):
    titles = {
        table.rows[0]["mode"]: table.title
        for table in comparison_tables([make(mode=m) for m in ("quick", "shortened", "full")])
    }
    assert "SMOKE" in titles["quick"]
    assert "SHORTENED (300 epochs): " in titles["shortened"]
    assert titles["full"] == "CIFAR-10"


@pytest.mark.parametrize("columns", [80, 100, 120, 140, 160])
def test_table_fits_its_terminal_and_columns_line_up(columns, make):
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
    assert len(body) == 3 + 1 + 4 + (2 if columns < 140 else 0)
    assert max(map(len, lines)) <= columns
    assert {len(line) for line in body if " s11" not in line} == {max(map(len, body))}


def test_incomplete_case_is_marked_and_its_cause_noted(make):
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


def test_notes_are_below_the_table(make):
    (table,) = comparison_tables([make(case_changes={"val_split": 0.1})])
    assert "  10% of the training images held out for validation" in terminal_text(table, 80).splitlines()


def test_times_of_a_mixed_run_are_empty(make):
    result = make()
    (first,) = result.attempts
    resumed = replace(first, first_epoch=2, environment=first.environment | {"gpu": "NVIDIA H200"})
    (table,) = comparison_tables([replace(result, attempts=(first, resumed)), make(seed=1)])
    for columns in (80, 160):
        text = terminal_text(table, columns)
        assert "nan" not in text.lower()
        assert "9.40" in text


def test_no_results_make_no_table():
    assert comparison_tables([]) == []


def test_report_text_has_answers_and_paths(tmp_path):
    evidence = published_evidence("cifar10")
    given = answer(Comparisons(evidence), evidence, Question(Spread(0.3, False)))
    tables = [tmp_path / "tables" / name for name in ("a.csv", "a.md")]
    report = WrittenReport([(evidence, given)], tables, [], tmp_path / "index.html")
    for columns in (80, 160):
        assert report_text(report, columns).splitlines() == [
            *answer_lines(evidence, given, columns),
            "",
            "+: wider is more accurate; −: deeper; pp: percentage points",
            f"written: {tmp_path / 'index.html'}",
            f"written: 2 table files in {tmp_path / 'tables'}",
        ]


def test_means_over_seeds_precede_the_answer_unless_one_seed(tmp_path):
    store_study(tmp_path / "one", seeds=(0,), accuracies={"resnet20": 89.0})
    store_study(tmp_path / "two", seeds=(0, 1), accuracies={"resnet20": 89.0})
    one, two = (build_report([tmp_path / name], tmp_path / f"{name}-report").report for name in ("one", "two"))
    assert "accuracy %" not in report_text(one, 160)
    for columns in (80, 160):
        lines = [line for line in report_text(two, columns).splitlines() if not line.startswith("written")]
        assert max(map(len, lines)) <= columns
        assert lines[0] == "CIFAR-10: accuracy and training time (the paper's table 4)"
        headings = ["model", "n", "accuracy %", "Δ pp", "best epoch %", "s/epoch", "total"]
        assert re.split("  +", lines[2]) == headings  # the table of cases has params, MACs and published values
        assert lines[-1].startswith("±: half of the 95 % t interval over seeds")


def test_report_of_several_studies_has_one_key(tmp_path, no_figures):
    for dataset in ("cifar10", "fashionmnist"):
        store_study(tmp_path / "results", dataset)
    report = build_report([tmp_path / "results"], tmp_path / "report").report
    for columns in (80, 160):
        text = " ".join(report_text(report, columns).split())
        assert text.count("same training time, ") == 2
        assert text.count("±: half of the 95 % t interval over seeds; +: wider is more accurate; ") == 1
        assert text.count("open: no significant difference") == 1


def test_many_cases_are_cut_evenly_over_the_models(make, monkeypatch):
    monkeypatch.setattr("harness.report.terminal.MAX_TERMINAL_ROWS", 4)
    results = [make(model=model, seed=seed) for model in ("resnet20", "resnet56") for seed in range(3)]
    (few,), (many,) = comparison_tables(results[:4]), comparison_tables(results)
    assert "rows, evenly" not in terminal_text(few, 160)
    for columns in (80, 160):
        lines = terminal_text(many, columns).splitlines()
        names = [" ".join(line.split()[:2]) for line in lines if line.startswith("resnet")]
        assert names == ["resnet20 s0", "resnet20 s1", "resnet56 s0", "resnet56 s1"]
        assert "4 of 6 rows, evenly over the models; the report's CSV tables have all" in "\n".join(lines)
    assert len(many.frame) == 6


@pytest.mark.parametrize(
    ("width", "droppable", "headings", "cells"),
    [
        (80, ("paper", "n"), ["model", "paper", "n", "paper"], ["resnet20", "88.9", "3", "9.4"]),
        (20, ("paper", "n"), ["model", "n"], ["resnet20", "3"]),
        (5, ("gone", "paper", "n"), ["model"], ["resnet20"]),
        (5, (), ["model", "paper", "n", "paper"], ["resnet20", "88.9", "3", "9.4"]),
    ],
)
def test_table_drops_columns_until_it_fits(width, droppable, headings, cells):
    columns = [Column(heading, heading + str(place)) for place, heading in enumerate(["model", "paper", "n", "paper"])]
    columns[0] = replace(columns[0], is_words=True)
    row = dict(zip((column.key for column in columns), ["resnet20", "88.9", "3", "9.4"], strict=True))
    table = Table("", "title", tuple(columns), (row,), droppable=droppable)
    assert terminal_text(table, width) == "title\n" + text_table(headings, [cells])


def test_foldable_cells_move_to_a_second_line():
    columns = (
        Column("model", "model", is_words=True),
        Column("acc", "acc"),
        Column("paper", "paper", is_foldable=True),
    )
    rows = ({"model": "resnet20", "acc": 89, "paper": 88.9}, {"model": "resnet56", "acc": 90})
    table = Table("", "title", columns, rows)
    assert terminal_text(table, 80) == "title\n" + text_table(
        ["model", "acc", "paper"], [["resnet20", "89", "88.9"], ["resnet56", "90", ""]]
    )
    assert terminal_text(table, 15) == "title\n" + text_table(
        ["model", "acc"], [["resnet20", "89"], ["  paper", "88.9"], ["resnet56", "90"]]
    )


def test_row_names_are_unique_beyond_the_excerpt_too(make, monkeypatch):
    monkeypatch.setattr("harness.report.terminal.MAX_TERMINAL_ROWS", 1)
    (table,) = comparison_tables([make(), make(seed=1)])
    assert "resnet20 s0" in terminal_text(table, 160)


def test_means_of_many_models_are_cut_with_a_note(tmp_path, monkeypatch):
    store_study(tmp_path / "two", seeds=(0, 1), accuracies={"resnet20": 89.0, "resnet56": 90.0, "resnet20-2": 91.0})
    report = build_report([tmp_path / "two"], tmp_path / "report").report
    assert "evenly over the models" not in report_text(report, 120)
    monkeypatch.setattr("harness.report.terminal.MAX_TERMINAL_ROWS", 2)
    lines = report_text(report, 120).splitlines()
    assert "  2 of 3 rows, evenly over the models; the report's CSV tables have all of them" in lines
    assert sum(line.startswith("resnet") for line in lines) == 2


@pytest.mark.parametrize("name", EVIL_NAMES)
def test_names_in_a_table_cannot_control_the_terminal(name):
    table = Table("", name, (Column(name, "x", is_words=True),), ({"x": name},), (name,))
    text = terminal_text(table, 200)
    assert printable_lines(text) == text
    assert text.count(printable(name)[:4]) >= 3
