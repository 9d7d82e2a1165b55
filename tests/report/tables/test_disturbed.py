from dataclasses import replace

import pandas as pd
import pytest

from harness.analysis.comparison import Comparisons
from harness.report.markup import markdown
from harness.report.tables.cost import pareto_table
from harness.report.tables.disturbed import disturbed_notes
from harness.report.tables.paper import accuracy_table
from harness.report.tables.runs import run_notes, run_row, runs_table
from harness.report.terminal import comparison_tables, terminal_text
from tests.helpers.synthetic import disturbed, synthetic_result
from tests.report.studies import evidence_of

NOTE = (
    "~ resnet20 seed 0: epochs 3, 7–9 of 300 disturbed (other processes used 1.2 cores); median of undisturbed epochs "
    "0.41 s, mean 0.42 s"
)


def run(epochs=(3, 7, 8, 9), seed=0, seconds=0.41, model="resnet20", **options):
    return disturbed(synthetic_result(model=model, seed=seed, epoch_seconds=seconds), epochs, **options)


@pytest.mark.parametrize(
    ("epochs", "seconds", "causes", "note"),
    [
        ((), 0.41, (), None),
        ((3, 7, 8, 9), 0.41, ("other processes used 1.2 cores",), NOTE),
        ((300,), 10, (), "epoch 300 of 300 disturbed; median of undisturbed epochs 10.00 s, mean 10.03 s"),
        (range(1, 301), 10, ("a",), "all 300 epochs disturbed (a); mean 20.00 s"),
        (range(1, 300, 2), 0.002, (), "epochs 1, 3, 5, 7, 9, 11 … (150 of 300) disturbed; median of undisturbed epochs "
         "0.0020 s, mean 0.0030 s"),
        ((1, 2, 5), 1, ("a", "b"), "epochs 1–2, 5 of 300 disturbed (a and b)"),
    ],
)  # fmt: skip
def test_note_names_the_disturbed_epochs_and_both_times(epochs, seconds, causes, note):
    notes = disturbed_notes([run(epochs, seconds=seconds, causes=causes)])
    assert len(notes) == (note is not None)
    assert (note or "") in "".join(notes)


def test_only_epoch_of_a_run_is_named_as_such():
    only = replace(synthetic_result(), epoch_seconds=(2.0,), epochs=1, total_seconds=2.0, disturbed_epochs=(1,))
    assert disturbed_notes([only]) == ["~ resnet20 seed 0: its only epoch disturbed; mean 2.00 s"]


def test_many_disturbed_runs_are_counted():
    notes = disturbed_notes([run(seed=seed) for seed in range(9)])
    assert [note[:18] for note in notes[:3]] == [f"~ resnet20 seed {seed}:" for seed in range(3)]
    assert notes[3:] == ["6 more: runs marked ~ (disturbed_epochs in the CSV)"]


@pytest.mark.parametrize("width", [80, 160])
def test_terminal_table_names_disturbed_runs_beside_their_median(width):
    (table,) = comparison_tables([run(), run((), seed=1), run(range(1, 301), seed=2)])
    text = terminal_text(table, width)
    assert max(map(len, text.splitlines())) <= width
    assert NOTE in " ".join(text.split())
    row, quiet, all_of_it = (next(ln for ln in text.splitlines() if f" s{seed} " in ln).split() for seed in range(3))
    assert row[row.index("~") - 1] == "0.42"
    assert "0.41" in row
    assert "~" not in quiet
    assert "~" in all_of_it


def test_undisturbed_tables_are_as_before():
    (table,) = comparison_tables([run(()), synthetic_result(seed=1)])
    assert "undisturbed" not in table.headings
    assert "~" not in terminal_text(table, 80)
    assert "undisturbed" not in runs_table(evidence_of(run(()))).headings


def test_run_table_has_mark_median_and_every_epoch_in_its_csv():
    table = runs_table(evidence_of(run(), run((), seed=1), synthetic_result(seed=2)))
    place = table.headings.index("s/epoch")
    assert [cells[place] for cells in table.cells] == ["0.42 ~", "0.41", "10.00"]
    assert table.cells[0][table.headings.index("undisturbed")] == "0.41"
    frame = pd.DataFrame(table.frame)
    assert frame["disturbed_epochs"].tolist() == ["3 7-9", "", None]
    assert frame["undisturbed_median_seconds"].tolist()[0] == pytest.approx(0.41)
    assert frame["disturbance_causes"].tolist()[0] == "other processes used 1.2 cores"
    assert "0.42 \\~" in markdown(table) or "0.42 ~" in markdown(table)
    assert NOTE in table.notes


def test_times_of_several_devices_are_neither_shown_nor_marked():
    (first,) = run().attempts
    moved = replace(first, first_epoch=100, environment=first.environment | {"gpu": "NVIDIA H200"})
    mixed = replace(run(), attempts=(first, moved))
    assert disturbed_notes([mixed]) == []
    assert run_row(mixed)["undisturbed_median_seconds"] is None


def test_means_over_seeds_are_marked_and_their_runs_named():
    evidence = evidence_of(run(), run((), seed=1), run((), model="resnet56"))
    table = accuracy_table(evidence)
    place = table.headings.index("s/epoch")
    assert [cells[place].endswith(" ~") for cells in table.cells] == [True, False]
    note = "disturbances lengthened epoch times of 1 of 3 runs (~): resnet20 seed 0"
    assert note in table.notes
    assert note in pareto_table(evidence, Comparisons(evidence)).notes
    assert not any("lengthened" in one for one in accuracy_table(evidence_of(run(()))).notes)


def test_unsteady_epochs_have_a_cause_only_if_one_is_known():
    unsteady = replace(synthetic_result(), epoch_seconds=(1.0, 1.0, 2.5), epochs=3, total_seconds=4.5)
    notes = [" ".join(run_notes([replace(unsteady, disturbed_epochs=epochs)])) for epochs in (None, (), (3,))]
    assert "vary more than twofold, the machine was busy: resnet20 seed 0" in notes[0]
    assert "vary more than twofold, no disturbance was found: resnet20 seed 0" in notes[1]
    assert "twofold" not in notes[2]


@pytest.mark.parametrize(("seconds", "is_unsteady"), [((0.75, 8.43), True), ((0.75, 0.8), False)])
def test_two_epochs_can_be_unsteady(seconds, is_unsteady):
    result = replace(synthetic_result(), epoch_seconds=seconds, epochs=2, total_seconds=sum(seconds))
    assert ("twofold" in " ".join(run_notes([result]))) is is_unsteady
