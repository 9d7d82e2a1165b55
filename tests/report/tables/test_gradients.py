from harness.report.tables.gradients import gradient_tables
from harness.report.tables.throughput import throughput_tables
from harness.throughput.record import Recorded
from tests.throughput.recordings import ENVIRONMENT, MEASUREMENTS

RECORDED = [Recorded(one, "2026-11-29T03:00:00+00:00", ENVIRONMENT) for one in MEASUREMENTS]


def test_the_table_compares_the_first_layer_with_the_last_convolution():
    (table,) = gradient_tables(RECORDED)
    (row,) = table.rows
    assert table.cells == [["digits", "plain4", "4", "8", "4", "1e-14", "1e-14"]]
    assert (row["start_norm_ratio"], row["epoch_norm_ratio"]) == (4.0, 1e-14)


def test_gradients_are_no_throughput():
    assert not any(table.file_name == "gradients" for table in throughput_tables(RECORDED))
    assert gradient_tables(RECORDED[:-1]) == []
