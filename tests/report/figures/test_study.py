import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.analysis.comparison import Comparisons
from harness.config.recipes import CIFAR10
from harness.report.figures import accuracy_cost, learning_curves, selection, time_parameters
from harness.report.figures.study import study_figures
from harness.report.figures.style import draw_point
from harness.report.loading import load_results_folders
from tests.report.studies import TWO_MODELS, store_study


def figures_of(root):
    (evidence,) = load_results_folders([root]).evidence
    return {figure.file_name: figure for figure in study_figures(evidence, Comparisons(evidence))}


@pytest.fixture(scope="module")
def drawings(built):
    (evidence,) = [one for one in built.loaded.evidence if one.mode == "full"]
    return {figure.file_name: figure for figure in study_figures(evidence, Comparisons(evidence))}


def test_every_figure_is_well_formed_and_ids_are_unique(drawings):
    ids = []
    for figure in drawings.values():
        ElementTree.fromstring(figure.svg)
        ids += re.findall(r'\bid="([^"]+)"', figure.svg)
    assert len(drawings) == 6
    assert ids
    assert len(ids) == len(set(ids))


def test_descriptions_contain_the_numbers(drawings):
    said = drawings["cifar10-accuracy-cost"].description
    assert "resnet20 89.10 %" in said
    assert "resnet20-4 92.10 %" in said
    assert "parameters: resnet20, resnet56, resnet20-2, resnet20-4" in said
    assert "resnet20-4 over resnet110 +2.40 pp" in drawings["cifar10-differences"].description
    assert "resnet20 11 s" in drawings["cifar10-time-parameters"].description
    assert "Evaluation accuracy over 300 epochs" in drawings["cifar10-learning-curves"].description
    assert "Percent per second by model: resnet20 0.027" in drawings["cifar10-marginal-gain"].description
    assert "gains the most" in drawings["cifar10-classes"].description


def test_published_points_are_hollow_and_only_if_comparable(tmp_path, monkeypatch):
    hollow = []

    def spy(*args, is_hollow=False, **more):
        hollow.append(is_hollow)
        draw_point(*args, is_hollow=is_hollow, **more)

    for module in (accuracy_cost, learning_curves, time_parameters):
        monkeypatch.setattr(module, "draw_point", spy)
    other = {"case_changes": {"recipe": replace(CIFAR10, learning_rate=0.05)}}
    for name, changes, expected in (("published", {}, True), ("other", other, False)):
        hollow.clear()
        store_study(tmp_path / name, seeds=(0,), accuracies=TWO_MODELS, **changes)
        drawings = figures_of(tmp_path / name)
        assert any(hollow) == expected
        assert any("published" in figure.caption for figure in drawings.values()) == expected
        assert any("paper's figure" in figure.title for figure in drawings.values()) == expected


def test_times_of_different_hardware_are_not_drawn(tmp_path):
    store_study(tmp_path, seeds=(0,), accuracies=TWO_MODELS)
    store_study(tmp_path, seeds=(1,), accuracies=TWO_MODELS, environment={"gpu": "NVIDIA H200"})
    drawings = figures_of(tmp_path)
    assert "cifar10-time-parameters" not in drawings
    assert "cifar10-marginal-gain" not in drawings
    assert "training time" not in drawings["cifar10-accuracy-cost"].svg


def test_many_models_are_drawn_along_the_axes_and_ends_named(tmp_path, monkeypatch):
    names = []
    place = accuracy_cost.place_labels
    monkeypatch.setattr(accuracy_cost, "place_labels", lambda named, *more: names.extend(named) or place(named, *more))
    accuracies = {"resnet20": 89.0, "resnet32": 89.4, "resnet56": 90.0, "resnet20-2": 90.9, "resnet56-2": 93.0}
    store_study(tmp_path / "results", seeds=(0,), accuracies=accuracies)
    few = figures_of(tmp_path / "results")
    assert {"resnet32", "resnet56-2"} <= {one.name for one in names}
    assert "resnet56-2" in few["cifar10-learning-curves"].svg
    assert "tables have all" not in few["cifar10-learning-curves"].caption
    names.clear()
    for module in (accuracy_cost, selection):
        monkeypatch.setattr(module, "MAX_CURVES", 4)
    many = figures_of(tmp_path / "results")
    assert {one.name for one in names} == {"resnet20", "resnet56", "resnet20-2", "resnet56-2"}
    for name in ("learning-curves", "marginal-gain"):
        figure = many[f"cifar10-{name}"]
        assert ">resnet56-2<" not in figure.svg
        assert ">resnet32<" in figure.svg
        assert "4 of 5 models along the axes are drawn; the tables have all." in figure.caption
    assert "Of 5 models the ends of the axes and the most accurate are named." in many["cifar10-accuracy-cost"].caption
    assert "resnet56-2 93.00 %" in many["cifar10-accuracy-cost"].description


def test_every_file_explains_its_colours_and_marks(drawings):
    words = {
        "accuracy-cost": ("base", "deeper", "wider", "Pareto front", "as published"),
        "differences": ("significant at α = 0.05 (Holm)", "not significant"),
        "learning-curves": ("resnet20-4", "lowest to highest seed", "published, final"),
        "time-parameters": ("base", "deeper", "wider"),
        "marginal-gain": ("base", "deeper", "wider"),
        "classes": ("depth (resnet110)", "width (resnet20-4)"),
    }
    for name, expected in words.items():
        texts = {one.text for one in ElementTree.fromstring(drawings[f"cifar10-{name}"].svg).iter() if one.text}
        assert set(expected) <= texts, name
