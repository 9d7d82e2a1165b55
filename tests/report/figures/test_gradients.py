from dataclasses import replace
from xml.etree import ElementTree

import pytest

from harness.report.figures.gradients import gradient_figures
from harness.throughput.record import Recorded
from tests.throughput.recordings import ENVIRONMENT, MEASUREMENTS

PLAIN = MEASUREMENTS[-1]
RESIDUAL = replace(PLAIN, model="resnet4", at_start=(3.0, 2.0, 1.0, 9.0), after_epoch=(1.0, 1.0, 1.0, 0.0))


def figures_of(*norms):
    return gradient_figures([Recorded(one, "2026-11-29T03:00:00+00:00", ENVIRONMENT) for one in norms])


def test_each_dataset_has_a_figure_of_its_networks():
    other = replace(PLAIN, dataset="cifar10")
    assert [one.file_name for one in figures_of(PLAIN, other, RESIDUAL)] == ["gradients-cifar10", "gradients-digits"]


def test_without_measured_gradients_there_is_no_figure():
    assert figures_of(*MEASUREMENTS[:-1]) == []


def test_networks_are_named_in_the_order_of_their_depth():
    deep = replace(PLAIN, model="plain110", layers=("a",) * 5, at_start=(1.0,) * 5, after_epoch=(1.0,) * 5)
    (figure,) = figures_of(deep, RESIDUAL, PLAIN)
    names = [text for text in ElementTree.fromstring(figure.svg).itertext() if "plain" in text or "resnet" in text]
    assert names == ["plain4", "resnet4", "plain110"]


def test_the_description_has_the_first_layers_norms():
    (figure,) = figures_of(RESIDUAL, PLAIN)
    assert "plain4 8 and 1e-14 and resnet4 3 and 1" in figure.description


@pytest.mark.parametrize("colour", ["#0072b2", "#d55e00"])
def test_plain_and_residual_networks_have_colours_of_their_own(colour):
    (figure,) = figures_of(RESIDUAL, PLAIN)
    assert colour in figure.svg
    assert colour not in figures_of(RESIDUAL if colour == "#d55e00" else PLAIN)[0].svg
