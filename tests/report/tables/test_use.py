from dataclasses import replace

import pytest

from harness.report.tables.use import use_table
from tests.analysis.budget_studies import USE, inference_times
from tests.analysis.synthetic_evidence import grouped
from tests.helpers.synthetic import synthetic_result

MODELS = ("resnet20", "resnet110", "resnet20-4")


def results_of(**changes):
    fields = {"activations": 187_000, "weight_bytes": 1_080_000} | changes
    return [
        synthetic_result("cifar10", model, seed, inference=inference_times(model), **fields)
        for model in MODELS
        for seed in range(2)
    ]


def shown(table):
    return {cells[0]: dict(zip(table.headings, cells, strict=True)) for cells in table.cells}


def test_each_model_has_its_size_and_its_times():
    (evidence,) = grouped(*results_of())
    table = use_table(evidence)
    assert table.file_name == "cifar10-use"
    row = shown(table)["resnet20-4"]
    assert (row["activations"], row["weight bytes"]) == ("187.0k", "1.08M")
    assert (row["latency ms"], row["throughput"], row["latency, 1 thread"]) == ("10.4", "143 images/s", "16.6 ms")
    assert row["spread of rounds %"] == "2.0"
    assert "disturbed runs" not in table.headings
    assert [one["image_seconds"] for one in table.rows] == pytest.approx([USE[model][1] for model in MODELS])
    assert "AMD EPYC, 2 threads, torch 2.15.0" in table.notes[0]


def test_disturbed_runs_are_counted_and_left_out_of_the_means():
    first, *others = results_of()
    slow = tuple(replace(one, median_seconds=9.0, is_disturbed=True) for one in first.inference)
    (evidence,) = grouped(replace(first, inference=slow), *others)
    table = use_table(evidence)
    row = shown(table)["resnet20"]
    assert (row["latency ms"], row["disturbed runs"]) == ("2.00", "1")
    assert shown(table)["resnet110"]["disturbed runs"] == ""


def test_times_of_different_conditions_are_left_out():
    first, *others = results_of()
    (evidence,) = grouped(replace(first, environment=dict(first.environment) | {"threads": 8}), *others)
    table = use_table(evidence)
    assert table.headings == ["model", "n", "params", "MACs", "activations", "weight bytes"]
    assert "different conditions" in table.notes[-1]
