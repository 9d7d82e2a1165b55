from dataclasses import replace

import pytest

from harness.config.recipes import CIFAR10
from harness.report.tables.literature import literature_table
from tests.helpers.synthetic import synthetic_result
from tests.report.studies import evidence_of


def rows_of(model, *results):
    table = literature_table(evidence_of(*results))
    return {row["source"]: row for row in table.rows if row["method"] == model}


def test_measured_and_published_values_stand_beside_other_sources():
    rows = rows_of("resnet110", *(synthetic_result(model="resnet110", seed=k, accuracy_percent=90 + k) for k in (0, 2)))
    assert list(rows)[:3] == ["measured", "the study", "He et al. 2016, table 6"]
    assert [rows[source]["accuracy_percent"] for source in ("measured", "the study")] == [91.0, 89.5]
    assert rows["measured"]["training"] == "300 epochs"
    theirs = rows["He et al. 2016, table 6"]
    assert (theirs["mean_percent"], theirs["sd_percent"], theirs["runs_of_source"]) == (93.39, 0.16, 5)


@pytest.mark.parametrize(
    ("model", "source", "accuracy"),
    [
        ("wrn16-4", "Zagoruyko and Komodakis 2016", 94.98),
        ("preresnet110", "hysts/pytorch_image_classification, README", 93.53),
    ],
)
def test_wide_and_pre_activation_networks_have_their_sources(model, source, accuracy):
    rows = rows_of(model, synthetic_result(model=model))
    assert rows["measured"]["accuracy_percent"] == 90.0
    assert "the study" not in rows
    assert rows[source]["accuracy_percent"] == accuracy
    assert "median of" in rows[source]["training"]


def test_authors_figures_are_also_of_models_that_the_study_lacks():
    assert set(rows_of("wrn28-10", synthetic_result())) == {"Zagoruyko and Komodakis 2016"}
    assert set(rows_of("airbench94", synthetic_result())) == {"KellerJordan/cifar10-airbench, README"}


def test_cells_show_means_over_runs_with_their_number():
    table = literature_table(evidence_of(synthetic_result()))
    (cells,) = [one for one in table.cells if one[0] == "resnet110"]
    assert cells[2:4] == ["93.57", "93.39 ± 0.16 (n = 5)"]


@pytest.mark.parametrize("changes", [{"recipe": replace(CIFAR10, learning_rate=0.05)}, {"shortcut": "B"}])
def test_another_recipe_leaves_the_papers_figures_out(changes):
    rows = rows_of("resnet20", synthetic_result(case_changes=changes))
    assert "measured" in rows
    assert "the study" not in rows


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": "shortened"},
        {"mode": "quick"},
        {"dataset_whole": False},
        {"case_changes": {"val_split": 0.1}},
        {"case_changes": {"train_fraction": 0.5}},
        {"dataset": "digits", "model": "resnet8"},
    ],
)
def test_runs_of_fewer_images_or_epochs_have_no_literature(changes):
    assert literature_table(evidence_of(synthetic_result(**changes))) is None
