from dataclasses import replace

import pandas as pd
import pytest

from harness.report.build import write_report
from harness.report.loading import load_results_folders
from harness.report.markup import escape_latex, escape_markdown
from harness.report.tables.other_code import OTHER_CODE, code_stamp
from harness.report.tables.table import Column, Table
from harness.report.tables.throughput import throughput_tables
from harness.report.terminal import comparison_tables, report_text, terminal_text
from harness.throughput.record import Recorded, record
from tests.helpers.code import changed_code
from tests.helpers.synthetic import ENVIRONMENT, store, synthetic_result
from tests.report.figures.sample import draw_sample
from tests.report.studies import ACCURACIES, TWO_MODELS, build_report, store_study
from tests.throughput.recordings import MEASUREMENTS, make_comparison

EARLIER = {"training_code": "0" * 12, "commit": "abc1234567def"}  # results before hashes by file
CHANGED = {
    "training_code": "1" * 12,
    "code": ENVIRONMENT["code"] | {"models/resnet.py": "1" * 12, "training/run.py": "1" * 12},
    "commit": "fedcba9876543210",
}
OF_EARLIER = "commit abc1234567, an earlier version"
OF_CHANGED = "commit fedcba9876, which differs in models/resnet.py and training/run.py"
NOTE = "trained by other code than the present: "
EVERY_RUN = f"{NOTE}every run (commit 0123456789, which differs in models/resnet.py)"
MEASURED_NOTE = "measured with other code than the present: "
KINDS = ("", "-accuracy", "-f1", "-gain", "-literature", "-verdicts", "-thresholds", "-true-gain", "-equal-cost",
         "-pareto", "-differences", "-classes", "-predictions-disagreement", "-targets")  # fmt: skip
PRESENT = {name: ENVIRONMENT[name] for name in ("training_code", "code", "commit")}
MEASURED_ON = {"cpu": "AMD EPYC", "gpu": None, "device": "cpu", "threads": 2, "versions": {"torch": "2.15.0"}}


def of_code(code, model="resnet20", seed=0):
    """Return a result trained by this code; by the present one if ``code`` is empty."""
    result = synthetic_result(model=model, seed=seed)
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "code"} | code if code else ENVIRONMENT
    return replace(result, environment=environment, attempts=(replace(result.attempts[0], environment=environment),))


def note_of(*results):
    return code_stamp({"CIFAR-10": results}).note


def text_of_row(row, *results):
    table = Table("name", "title", (Column("model", "model", is_words=True),), (row,))
    return code_stamp({"CIFAR-10": results}).on(table).rows[0].get(OTHER_CODE)


@pytest.fixture(scope="module")
def of_all_kinds(tmp_path_factory):
    """Results for a report with every table: two folders, quick runs, a published study and throughput."""
    place = tmp_path_factory.mktemp("results")
    for name in ("a", "b"):
        store_study(place / name, accuracies=ACCURACIES)
    store_study(place / "a", seeds=(0,), accuracies=TWO_MODELS, mode="quick")
    for measurement in MEASUREMENTS:
        record(place / "a", measurement, MEASURED_ON | PRESENT)
    return load_results_folders([place / "a", place / "b"])


def test_every_table_of_other_code_is_stamped_in_every_format(of_all_kinds, tmp_path, no_figures):
    with changed_code("models/resnet.py"):
        report = write_report(of_all_kinds, tmp_path, "harness report")
    tables = {path.stem: path for path in report.tables if path.suffix == ".csv"}
    assert set(tables) == {
        *(f"cifar10-{folder}{kind}" for folder in "ab" for kind in KINDS),
        *("claims", "side-by-side-1-cifar10", "cifar10-smoke"),
        *("throughput", "throughput-augmentation", "throughput-scaling", "equivalence", "gradients"),
    }
    page, code = report.page.read_text(), "commit 0123456789, which differs in models/resnet.py"
    for name, csv in tables.items():
        note = EVERY_RUN if "cifar10" in name or name == "claims" else f"{MEASURED_NOTE}{code}"
        assert code in csv.read_text(), name
        assert escape_markdown(note) in csv.with_suffix(".md").read_text(), name
        assert escape_latex(note) in csv.with_suffix(".tex").read_text(), name
        assert name == "claims" or note in page.partition(f'id="table-{name}"')[2].partition("<h4")[0], name
    assert f"Measurements {NOTE}" in page.partition('id="claims"')[2]
    cards = [card.partition("<table")[0] for card in page.split('<section class="card')[1:]]
    assert len(cards) == 2
    assert all("Trained by other code than the present: every run" in card for card in cards)


def test_tables_of_the_present_code_have_no_stamp(of_all_kinds, tmp_path, no_figures):
    report = write_report(of_all_kinds, tmp_path, "harness report")
    for path in (*report.tables, report.page):
        assert "other code" not in path.read_text(), path
        assert OTHER_CODE not in path.read_text(), path


def test_captions_of_figures_have_the_stamp(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [draw_sample()])
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    with changed_code("models/resnet.py"):
        made = build_report([tmp_path / "results"], tmp_path / "report")
    caption = made.report.page.read_text().partition("A caption")[2].partition("</figcaption>")[0]
    assert "Trained by other code than the present: every run" in caption


def test_note_names_models_and_seeds_of_each_code():
    present = [of_code({}, model, seed) for model in ("resnet56", "resnet110") for seed in (0, 1, 2)]
    assert note_of(*present) == ""
    earlier = [of_code(EARLIER, "resnet20", seed) for seed in (0, 1)]
    assert note_of(*present, *earlier) == f"{NOTE}resnet20 ({OF_EARLIER})"
    changed = [of_code(CHANGED, "resnet56", 3), of_code(CHANGED, "resnet110", 3), of_code(CHANGED, "resnet110", 4)]
    assert note_of(*present, *earlier, *changed) == (
        f"{NOTE}resnet20 ({OF_EARLIER}); resnet56 seed 3, resnet110 seeds 3, 4 ({OF_CHANGED})"
    )
    assert note_of(*earlier) == f"{NOTE}every run ({OF_EARLIER})"


def test_note_on_several_studies_names_the_study():
    old, new = [of_code(EARLIER), of_code(EARLIER, "resnet56")], [of_code({}), of_code(CHANGED, "resnet56")]
    assert code_stamp({"old": old, "new": new}).note == (
        f"{NOTE}every run of old ({OF_EARLIER}); resnet56 of new ({OF_CHANGED})"
    )


def test_run_resumed_by_other_code_is_stamped():
    one = of_code({})
    (attempt,) = one.attempts
    first = replace(attempt, environment=of_code(EARLIER).environment)
    assert OF_EARLIER in note_of(replace(one, attempts=(first, replace(attempt, first_epoch=100))))


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"model": "resnet56"}, None),
        ({"model": "resnet20-2"}, OF_CHANGED),
        ({"model": "resnet56", "other": "resnet20-2"}, f"resnet20-2 ({OF_CHANGED})"),
        ({"wide": "resnet20-2 and resnet20-4", "deep": "resnet56"}, f"resnet20-2 ({OF_CHANGED})"),
        ({"class": "cat"}, f"resnet20-2 ({OF_CHANGED})"),
        ({"method": "resnet20-2", "source": "the study"}, None),
        ({"method": "resnet20-2", "source": "measured"}, OF_CHANGED),
    ],
)
def test_row_is_stamped_by_the_models_that_it_names(row, text):
    results = [of_code({}, "resnet20-4"), of_code({}, "resnet56"), of_code(CHANGED, "resnet20-2")]
    assert text_of_row(row, *results) == text


def test_rows_of_mixed_codes_have_a_mark_in_each_format(tmp_path, no_figures):
    for place, (model, code) in enumerate({"resnet20": {}, "resnet56": EARLIER, "resnet20-2": CHANGED}.items()):
        for seed in (0, 1):
            store(tmp_path / "results", of_code(code if seed else {}, model, seed + place))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    tables = tmp_path / "report/tables"
    assert pd.read_csv(tables / "cifar10-accuracy.csv")[OTHER_CODE].fillna("").tolist() == [
        "",
        f"resnet56 seed 2 ({OF_EARLIER})",
        f"resnet20-2 seed 3 ({OF_CHANGED})",
    ]
    assert pd.read_csv(tables / "cifar10.csv")[OTHER_CODE].fillna("").tolist() == [
        "", "", "", OF_EARLIER, "", OF_CHANGED
    ]  # fmt: skip
    rows = (tables / "cifar10.md").read_text().splitlines()[4:10]
    assert [r"\*" in row for row in rows] == [False, False, False, True, False, True]
    assert (tables / "cifar10.tex").read_text().count("{*} &") == 2
    runs = made.report.page.read_text().partition('id="table-cifar10"')[2].partition("</table>")[0]
    assert runs.count(" *</") == 2
    note = f"* {NOTE}resnet56 seed 2 ({OF_EARLIER}); resnet20-2 seed 3 ({OF_CHANGED})"
    assert note in (tables / "cifar10.tex").read_text().replace("{*}", "*")


def test_terminal_marks_runs_and_means_of_other_code(tmp_path, no_figures):
    for model, code in {"resnet20": {}, "resnet56": CHANGED}.items():
        for seed in (0, 1):
            store(tmp_path / "results", of_code(code, model, seed))
    made = build_report([tmp_path / "results"], tmp_path / "report")
    (table,) = comparison_tables(made.loaded.results)
    assert [cells[0] for cells in table.cells] == ["resnet20 s0", "resnet20 s1", "resnet56 s0 *", "resnet56 s1 *"]
    for text in (terminal_text(table, 80), report_text(made.report, 80)):
        assert f"* {NOTE}resnet56 ({OF_CHANGED})" in " ".join(text.split())
        assert max(map(len, text.splitlines()[:-2])) <= 80
    assert "resnet56 *" in report_text(made.report, 80)


def test_terminal_has_one_note_per_table_if_every_run_is_of_other_code(tmp_path, no_figures):
    store_study(tmp_path / "results", seeds=(0, 1), accuracies=TWO_MODELS)
    with changed_code("models/resnet.py"):
        made = build_report([tmp_path / "results"], tmp_path / "report")
        (table,) = comparison_tables(made.loaded.results)
        means = " ".join(report_text(made.report, 80).split())
    text = " ".join(terminal_text(table, 80).split())
    assert text.count(EVERY_RUN) == 1
    assert "*" not in text
    assert means.count("rained by other code") == 1  # the caution of the answer


def test_measurements_with_other_code_are_stamped():
    speeds = [make_comparison((2.0,), (1.0,), model=model) for model in ("resnet20", "resnet56")]
    environments = [MEASURED_ON | PRESENT, MEASURED_ON | CHANGED]
    recorded = [Recorded(one, "2026-11-23", on) for one, on in zip(speeds, environments, strict=True)]
    (table,) = throughput_tables(recorded)
    assert [cells[0] for cells in table.cells] == ["resnet20", "resnet56 *"]
    assert table.notes[-1] == f"* {MEASURED_NOTE}{OF_CHANGED}"
