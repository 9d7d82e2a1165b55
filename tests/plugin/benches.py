"""Bench files for the plugin's tests, and the results that they write."""

import json
from xml.etree import ElementTree

WARNINGS_ARE_ERRORS = (  # but this process has imported the plugin before pytest could rewrite it
    "-W", "error", "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
CONFTEST = 'pytest_plugins = ["harness.plugin"]'
BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
RECIPE = replace(DIGITS, epochs=2, milestones=(1,), batch_size=256)
@pytest.mark.experiment("digits", models=["resnet8", "resnet8-2"], recipe=RECIPE)
def test_digits(trained, epoch_records):
    assert trained.is_complete
    assert len(epoch_records) == trained.epochs
"""


def results_in(pytester):
    return [json.loads(path.read_text()) for path in sorted(pytester.path.glob("results/*/result.json"))]


def properties_in(junit_xml):
    return {one.get("name"): one.get("value") for one in ElementTree.parse(junit_xml).iter("property")}
