"""Measure the overhead per case on a cluster: ``pytest bench -k scale``, about two minutes.

It runs one small model in quick mode with a thousand seeds, through Ray on this machine.
"""

import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

CASES, MAX_OVERHEAD_SECONDS, MAX_BYTES_PER_CASE = 1_000, 0.25, 1_000_000


def _resident_bytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0  # the process has just ended


@pytest.mark.measurement
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to read the driver's memory")
def test_a_thousand_trivial_cases(tmp_path, benchmark):
    pytest.importorskip("ray", reason="needs Ray: python -m pip install -e '.[ray]'")
    from harness.results.folder import ResultsFolder

    seeds, folder = ",".join(map(str, range(CASES))), tmp_path / "results"
    options = ["--engine", "ray", "--seeds", seeds, "--results-dir", str(folder), "--report-dir", str(tmp_path / "p")]
    command = [sys.executable, "-m", "pytest", "bench", "-q", "-k", "digits and resnet20-seed", *options]
    memory = []

    def run():
        with open(tmp_path / "log.txt", "w") as log:
            driver = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            while driver.poll() is None:
                if folder.exists() and any(folder.glob("*/result.json")):  # by then all cases are submitted
                    memory.append(_resident_bytes(driver.pid))
                time.sleep(0.5)
        assert driver.returncode == 0, (tmp_path / "log.txt").read_text()

    benchmark.pedantic(run)
    results, problems = ResultsFolder(folder).read_all()
    assert (len(results), problems) == (CASES, [])
    first = min(datetime.fromisoformat(result.started_at) for result in results)
    last = max(datetime.fromisoformat(result.finished_at) for result in results)
    worker_seconds = os.cpu_count() * (last - first).total_seconds()
    overhead_seconds = (worker_seconds - sum(result.wall_seconds for result in results)) / CASES
    bytes_per_case = (max(memory) - memory[0]) / CASES
    benchmark.extra_info |= {
        "cases": CASES,
        "overhead_seconds_per_case": overhead_seconds,
        "driver_bytes_per_case": bytes_per_case,
        "driver_peak_bytes": max(memory),
    }
    print(f"overhead per case: {overhead_seconds * 1000:.1f} ms of a worker's time; driver: "
          f"{max(memory) / 2**20:,.0f} MiB, and {bytes_per_case / 2**10:.0f} KiB per submitted case")  # fmt: skip
    assert overhead_seconds <= MAX_OVERHEAD_SECONDS
    assert bytes_per_case <= MAX_BYTES_PER_CASE
