"""Measure the time and memory of a report of 1,000 and of 10,000 results: ``pytest bench -k report``.

1,000 results take about one minute (``-k "report and not ten"``), 10,000 about ten. The results are synthetic: the
study's 17 models with 59 seeds each and accuracies near the published ones. Half of the 10,000 are 60 other models on
CIFAR-10.
"""

import resource
import subprocess
import sys

import numpy as np
import pytest

from harness.paper.published import PUBLISHED

MAX_BYTES, MAX_PAGE_BYTES = 10**9, 10 * 2**20
SWEEP = [f"resnet{depth}-{width}" for depth in (8, 14, 26, 32, 38, 44, 74, 86, 98, 110) for width in range(2, 8)]


def cases(results):
    """Yield dataset, model, seed, accuracy and epoch time of each synthetic result."""
    of_study = results if results <= 1_000 else results // 2
    for number in range(of_study):
        seed, row = divmod(number, len(PUBLISHED))
        published = list(PUBLISHED.values())[row]
        yield published.dataset, published.model, seed, published.accuracy_percent, published.epoch_seconds
    for number in range(results - of_study):
        seed, place = divmod(number, len(SWEEP))
        yield "cifar10", SWEEP[place], seed, 88 + 0.08 * place, 5 + place


@pytest.fixture(scope="module")
def many_results(request, tmp_path_factory):
    from tests.helpers.synthetic import (
        outcome,
        store,
        synthetic_result,
    )  # imported here: they need torch, which collection must not import

    root, generator = tmp_path_factory.mktemp("results"), np.random.default_rng(0)
    for dataset, model, seed, accuracy, epoch_seconds in cases(request.param):
        predicted = outcome(dataset, accuracy + generator.normal(0, 0.25), seed)
        seconds = epoch_seconds * (1 + 0.02 * generator.normal())
        store(root, synthetic_result(dataset, model, seed, 0, seconds, predicted=predicted), predicted)
    return root


@pytest.mark.measurement
@pytest.mark.parametrize(
    ("many_results", "rounds", "most_seconds"),
    [pytest.param(1_000, 3, 30, id="thousand"), pytest.param(10_000, 1, 60, id="ten-thousand")],
    indirect=["many_results"],
)
def test_report(many_results, rounds, most_seconds, tmp_path, benchmark):
    command = [sys.executable, "-m", "harness", "report", str(many_results), "--report-dir", str(tmp_path)]
    benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=rounds)
    peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    page_bytes = (tmp_path / "index.html").stat().st_size
    benchmark.extra_info |= {"peak_bytes": peak_bytes, "page_bytes": page_bytes}
    assert benchmark.stats.stats.max <= most_seconds
    assert peak_bytes <= MAX_BYTES
    assert page_bytes <= MAX_PAGE_BYTES
