"""How long a report of 1,000 results takes, and how much memory: ``pytest bench -k report``, some minutes.

The results are nobody's: the study's 17 models with 59 seeds each, accuracies about the published ones.
"""

import resource
import subprocess
import sys

import numpy as np
import pytest

from harness.published import PUBLISHED

RESULTS, MOST_SECONDS, MOST_BYTES = 1_000, 30, 10**9


@pytest.fixture(scope="module")
def many_results(tmp_path_factory):
    from tests.synthetic import outcome, store, synthetic_result  # which need torch, and collecting must not

    root, generator = tmp_path_factory.mktemp("results"), np.random.default_rng(0)
    for number in range(RESULTS):
        seed, row = divmod(number, len(PUBLISHED))
        published = list(PUBLISHED.values())[row]
        predicted = outcome(published.dataset, published.accuracy_percent + generator.normal(0, 0.25), seed)
        seconds = published.epoch_seconds * (1 + 0.02 * generator.normal())
        store(
            root, synthetic_result(published.dataset, published.model, seed, 0, seconds, predicted=predicted), predicted
        )
    return root


@pytest.mark.measurement
def test_report_of_a_thousand_results(many_results, tmp_path, benchmark):
    command = [sys.executable, "-m", "harness", "report", str(many_results), "--report-dir", str(tmp_path)]
    benchmark.pedantic(subprocess.run, (command,), {"check": True, "capture_output": True}, rounds=3)
    peak_bytes = 1024 * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    benchmark.extra_info["peak_bytes"] = peak_bytes
    assert benchmark.stats.stats.max <= MOST_SECONDS
    assert peak_bytes <= MOST_BYTES
