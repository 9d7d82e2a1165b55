from dataclasses import replace

import pandas as pd
import pytest

from harness.report.tables.throughput import throughput_tables
from harness.report.terminal import terminal_text
from harness.report.writing import write_tables
from harness.throughput.measurements import Equivalence, Point, Scaling
from harness.throughput.record import Recorded
from harness.training.code_version import training_code_version
from tests.helpers.disturbances import QUIET, busy
from tests.throughput.recordings import MEASUREMENTS, make_comparison, make_whole_comparison

ENVIRONMENT = {
    "cpu": "AMD EPYC",
    "gpu": None,
    "threads": 2,
    "versions": {"torch": "2.15.0"},
    "training_code": training_code_version(),
}


def recorded(*measurements, **environment):
    return [Recorded(one, "2026-11-23T12:00:00+00:00", ENVIRONMENT | environment) for one in measurements]


def test_each_kind_of_measurement_has_its_own_table():
    tables = throughput_tables(recorded(*reversed(MEASUREMENTS)))
    assert [table.file_name for table in tables] == [
        "throughput", "throughput-augmentation", "throughput-scaling", "equivalence",
    ]  # fmt: skip
    assert [len(table.cells) for table in tables] == [1, 1, 1, 1]
    assert throughput_tables([]) == []


def test_pipelines_are_compared_in_one_row():
    one = make_comparison(
        fast=(1000.0, 1010.0, 990.0), reference=(500.0, 505.0, 660.0), compiled=True, compile_seconds=31.4
    )
    (table,) = throughput_tables(recorded(one))
    assert table.cells == [
        ["resnet20 (compiled)", "3×32×32", "fp32", "1000", "505", "2.00", "1.50–2.00", "2.0%", "3.0%", "240", "50%"],
    ]
    notes = " ".join(table.notes)
    assert "medians of 3 rounds" in notes
    assert "measured at 480 GFLOP/s" in notes
    assert "compile time, in no round: resnet20 31 s" in notes
    assert table.notes[-1] == "measured on AMD EPYC, 2 threads, torch 2.15.0, 2026-11-23"
    (row,) = table.frame.to_dict("records")
    assert (row["ratio"], row["rounds"], row["flops_per_second"], row["peak_share"]) == (2.0, 3, 240e9, 0.5)


def test_bf16_stands_below_fp32_with_everything_measured_beside_it():
    (table,) = throughput_tables(recorded(make_whole_comparison(), MEASUREMENTS[0]))
    headings = [
        "model", "input", "at", "fast", "plain", "ref.", "ref. TF32", "/plain", "range", "/ref.", "range",
        "/ref. TF32", "range", "/fp32", "range", "load", "ref. load", "GFLOP/s", "peak",
    ]  # fmt: skip
    assert table.headings == headings
    assert [row[2] for row in table.cells] == ["fp32", "bf16"]
    assert table.cells[0][4:9] == ["", "475", "", "", ""]
    assert table.cells[1][3:15] == [
        "950", "700", "350", "550", "1.38", "1.25–1.50", "3.00", "2.00–4.00", "1.75", "1.50–2.00", "2.00", "1.50–2.50",
    ]  # fmt: skip
    for note in (
        "at: the precision of fast and plain", "plain: a channels_last loop on ready batches, not augmented",
        "ref.: the reference at IEEE fp32", "ref. TF32: the reference at torch's own defaults, with TF32 convolutions",
        "measured at 480 GFLOP/s at fp32 and 960 GFLOP/s at bf16",
    ):  # fmt: skip
        assert note in table.notes[0]
    assert list(table.frame["plain_ratio"]) == [None, 1.375]
    assert table.cells[1][0] == "resnet20 (switched off)"
    assert table.notes[1].endswith("failed on this device: resnet20 3×32×32 at bf16, capture: it failed")


def test_an_earlier_recording_has_no_columns_for_what_it_lacks():
    (table,) = throughput_tables(recorded(MEASUREMENTS[0]))
    assert not {"plain", "/plain", "ref. TF32", "/fp32"} & set(table.headings)
    assert not any(word in table.notes[0] for word in ("plain", "TF32", "IEEE", "/fp32"))


def test_small_inputs_and_cheap_models_come_first():
    models = [("resnet110", 250), ("resnet20", 40), ("resnet20-4", 640)]
    measured = [make_comparison((2.0,), (1.0,), model=model, macs=macs) for model, macs in models]
    measured.append(make_comparison((2.0,), (1.0,), model="resnet20", input_shape=(1, 28, 28)))
    (table,) = throughput_tables(recorded(*measured))
    assert [row[:2] for row in table.cells] == [
        ["resnet20", "1×28×28"], ["resnet20", "3×32×32"], ["resnet110", "3×32×32"], ["resnet20-4", "3×32×32"],
    ]  # fmt: skip


def test_scaling_has_one_row_per_axis_and_one_csv_row_per_point():
    _, _, scaling, *_ = MEASUREMENTS
    (table,) = throughput_tables(recorded(scaling))
    assert table.cells == [["width", "1 2 4", "2 4 8", "x^1.00 (1.000)", "0 0 0", "x^1.00 (1.000)"]]
    assert list(table.frame["x"]) == [1, 2, 4]
    assert list(table.frame["epoch_seconds"]) == [2, 4, 8]


def test_equivalence_has_an_interval_only_with_several_seeds():
    one = Equivalence("resnet20", "digits", 1437, 360, 20, "fp32", (0, 1, 2), (99.0, 98.0, 97.0), (98.0, 98.0, 98.0))
    (table,) = throughput_tables(recorded(one))
    assert table.cells[0][-4:] == ["98.00", "98.00", "+0.00", "-2.48 to +2.48"]
    single = replace(one, seeds=(0,), fast_accuracy_percent=(99.0,), reference_accuracy_percent=(98.0,))
    (table,) = throughput_tables(recorded(single))
    assert table.cells[0][-2:] == ["+1.00", ""]


def disturbed_comparison(fast=(1000.0, 1010.0), reference=(500.0, 505.0), **changes):
    """A comparison whose last fast round remained disturbed."""
    one = make_comparison(fast, reference, **changes)
    return replace(one, fast=(*one.fast[:-1], replace(one.fast[-1], disturbance=busy(1.2))))


def test_a_disturbed_measurement_is_marked_in_its_row_and_named_in_a_note():
    points = tuple(replace(one, disturbance=busy(0.9)) for one in MEASUREMENTS[2].points)
    measured = [
        disturbed_comparison(model="resnet110", compiled=True),
        MEASUREMENTS[0],
        replace(MEASUREMENTS[1], disturbances=(busy(0.8), QUIET)),
        replace(MEASUREMENTS[2], points=points),
    ]
    pipelines, augmentation, scaling = throughput_tables(recorded(*measured))
    assert [row[0] for row in pipelines.cells] == ["resnet110 (compiled, disturbed)", "resnet20"]
    assert [augmentation.cells[0][0], scaling.cells[0][0]] == ["cifar10 (disturbed)", "width (disturbed)"]
    note = "disturbed, so no test asserts anything about it: "
    assert [table.notes[1] for table in (pipelines, augmentation, scaling)] == [
        f"{note}resnet110 3×32×32, 1 of 2 rounds (other processes used 1.2 cores)",
        f"{note}cifar10 3×32×32, 1 of 2 rounds (other processes used 0.8 cores)",
        f"{note}width, 3 of 3 points (other processes used 0.9 cores)",
    ]
    assert list(pipelines.frame["disturbed"]) == ["1 of 2 rounds (other processes used 1.2 cores)", None]


@pytest.mark.parametrize(
    ("peak", "disturbance", "reason"),
    [
        (187e9, None, "training was faster than the measured convolutions"),
        (187e9, QUIET, "training was faster than the measured convolutions"),
        (480e9, busy(), "its measurement was disturbed"),
        (187e9, busy(), "its measurement was disturbed"),
    ],
)
def test_no_share_is_shown_of_a_peak_known_to_be_too_low(peak, disturbance, reason):
    one = make_comparison((1000.0,), (500.0,), peak_flops_per_second=peak, peak_disturbance=disturbance)
    (table,) = throughput_tables(recorded(one))
    assert table.cells[0][-2:] == ["240", ""]
    assert f"peak unknown because {reason}: resnet20 3×32×32" in table.notes[0]
    assert "GFLOP/s" not in table.notes[0].partition("GFLOP/s: 3 × 2 × MACs, fast")[2]
    assert list(table.frame["peak_share"]) == [None]


def test_a_note_gives_the_peak_of_the_rows_with_a_share():
    rows = [((10.0,), 480e9), ((12.0,), 500e9), ((1000.0,), 100e9)]
    measured = [
        make_comparison(fast, (5.0,), model=f"resnet{8 + 6 * place}", peak_flops_per_second=peak)
        for place, (fast, peak) in enumerate(rows)
    ]
    (table,) = throughput_tables(recorded(*measured))
    assert "fastest convolution, measured at 480–500 GFLOP/s at fp32; peak unknown" in table.notes[0]
    assert table.notes[0].endswith("than the measured convolutions: resnet20 3×32×32")


@pytest.mark.parametrize("columns", [80, 160])
def test_throughput_tables_fit_a_terminal(columns):
    long = disturbed_comparison((1234.5,), (987.6,), model="resnet20-4", input_shape=(3, 225, 225), compiled=True)
    points = tuple(Point(x, 1.2345 * x, 123_456_789 * x) for x in (512, 1024, 2048, 4096))
    growth = Scaling("images", 256, "fp32", points)
    whole = make_whole_comparison(model="resnet20-4", input_shape=(3, 225, 225))
    tables = throughput_tables(recorded(long, growth, *MEASUREMENTS[1:])) + throughput_tables(recorded(whole))
    for table in tables:
        assert max(map(len, terminal_text(table, columns).splitlines())) <= columns


def test_a_narrow_terminal_folds_ranges_under_their_ratios():
    (table,) = throughput_tables(recorded(make_whole_comparison(switched_off=())))
    lines = terminal_text(table, 80).splitlines()
    assert lines[2].split()[3:] == ["fast", "plain", "ref.", "ref.", "TF32", "/plain", "/ref."]
    assert lines[4].split()[3:] == ["950", "700", "350", "550", "1.38", "3.00"]
    assert lines[5].split() == ["range", "1.25–1.50", "2.00–4.00"]


def test_narrow_terminal_drops_columns_and_wide_one_has_all():
    (table,) = throughput_tables(recorded(MEASUREMENTS[0]))
    wide, narrow = (terminal_text(table, columns).splitlines()[2] for columns in (160, 75))
    assert wide.split("  ")[-1] == "peak"
    assert "ref. load" in wide
    assert "ref. load" not in narrow
    assert narrow.rstrip().endswith("peak")


def test_gpus_and_cpus_have_separate_tables_in_one_file(tmp_path):
    both = recorded(MEASUREMENTS[0]) + recorded(MEASUREMENTS[0], gpu="NVIDIA H200")
    tables = throughput_tables(both)
    assert [table.notes[-1] for table in tables] == [
        "measured on AMD EPYC, 2 threads, torch 2.15.0, 2026-11-23",
        "measured on NVIDIA H200, torch 2.15.0, 2026-11-23",
    ]
    written = write_tables(tables, tmp_path / "tables")
    assert pd.read_csv(written[0])["device"].tolist() == ["AMD EPYC", "NVIDIA H200"]


def test_each_kind_is_written_as_csv_markdown_and_latex(tmp_path):
    tables = throughput_tables(recorded(*MEASUREMENTS))
    written = write_tables(tables, tmp_path / "tables")
    kinds = ("throughput", "throughput-augmentation", "throughput-scaling", "equivalence")
    assert [path.name for path in written] == [kind + suffix for kind in kinds for suffix in (".csv", ".md", ".tex")]
    assert all(path.parent == tmp_path / "tables" for path in written)
    assert pd.read_csv(written[0])["ratio"].tolist() == [2.0]
    markdown = written[1].read_text()
    assert f"# {tables[0].title}" in markdown
    assert "| resnet20 |" in markdown.replace("  ", "").replace(" |", " |")
    assert write_tables([], tmp_path / "none") == []
    assert not (tmp_path / "none").exists()
