"""Check the analysis on 1,000 simulated studies for each of many known truths: ``pytest bench -k calibration``.

It takes about 15 minutes on two cores and ends with tables for docs/statistics.md. A plain ``pytest bench`` skips it.
"""

import os
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context

import pytest

pytestmark = pytest.mark.measurement

STUDIES, PROCESSES = 1_000, 2
MAX_ERROR = 0.06
SEEDS, SPREADS, PATTERNS = (3, 5, 10), (0.2, 0.3, 0.4), ("equal", "growing", "cyclic")
BUDGETS = ("total_seconds", "params", "macs", "scale_factor")
HEADINGS = ("| n | sd | seed spreads |", " any budget | training time | parameters | MACs | scale factor |")


def cells(**truth):
    """Return a parameter of pytest for every number of seeds, spread and pattern."""
    return [
        pytest.param({"seeds": seeds, "spread_points": spread, "pattern": pattern, **truth},
                     id=f"n{seeds}-sd{spread}-{pattern}")
        for seeds in SEEDS for spread in SPREADS for pattern in PATTERNS
    ]  # fmt: skip


@pytest.fixture(scope="module")
def pool():
    """The processes that simulate, each with one thread."""
    from tests.analysis.calibration import tabulate_joint_p_values  # imported here to keep collection fast

    threads = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(PROCESSES, get_context("spawn"), tabulate_joint_p_values) as processes:
        yield processes
    os.environ.pop("OMP_NUM_THREADS")
    if threads is not None:
        os.environ["OMP_NUM_THREADS"] = threads


@pytest.fixture(scope="module")
def rows(request):
    """The table's rows by title, printed after the last test."""
    found = defaultdict(list)
    yield found
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    for title, lines in found.items():
        head, *_ = lines
        reporter.write_line(f"\n{title} ({STUDIES:,} studies a row, {today}):\n")
        reporter.write_line("".join(HEADINGS) + ("" if head.count("|") == 9 else " seeds taken |"))
        reporter.write_line("|" + "---:|" * (head.count("|") - 1))
        reporter.write_line("\n".join(lines))


@pytest.fixture
def shares(pool, rows):
    """A function that simulates a cell's studies, adds a row to a table, and returns the shares of each outcome."""
    from tests.analysis.calibration import Cell

    def compute(count, truth, title, outcome):
        part = STUDIES // PROCESSES
        jobs = [pool.submit(count, Cell(**truth), place, part) for place in range(PROCESSES)]
        found = {name: number / STUDIES for name, number in sum((job.result() for job in jobs), Counter()).items()}
        cell = f"| {truth['seeds']} | {truth['spread_points']} | {truth.get('pattern', 'equal')} |"
        texts = [f" {100 * found.get(f'{one} {outcome}', 0):.1f} |" for one in ("any", *BUDGETS)]
        taken = f" {found['seeds']:.1f} |" if "seeds" in found else ""
        rows[title].append(cell + "".join(texts) + taken)
        return Counter(found)

    return compute


@pytest.mark.parametrize("truth", cells())
def test_equal_models_seldom_have_a_winner(truth, shares):
    from tests.analysis.calibration import count_headlines

    found = shares(count_headlines, truth, "Wrong winner in % of studies, all models equal", "winner")
    assert found["headline"] == found["any winner"]
    assert found["any winner"] <= MAX_ERROR


@pytest.mark.parametrize("pattern", ["noisy pair"])
def test_spread_of_a_noisy_pair(pattern, shares):
    from tests.analysis.calibration import count_headlines

    for seeds in SEEDS:  # without a limit: an extreme case, for information
        truth = {"seeds": seeds, "spread_points": 0.3, "pattern": pattern}
        shares(count_headlines, truth, "For information: 110 and 20-4 twice as noisy as the others", "winner")


@pytest.mark.parametrize("truth", cells(wider_points=0.5))
def test_half_a_point_is_seldom_called_equal(truth, shares):
    from tests.analysis.calibration import count_verdicts

    title = 'Wrong "equal within 0.5 pp" in % of studies, width 0.5 pp ahead'
    found = shares(count_verdicts, truth, title, "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize(("seeds", "points", "least"), [(3, 1.0, 0.8), (5, 0.5, 0.5)])
def test_power(seeds, points, least, shares):
    from tests.analysis.calibration import count_verdicts

    truth = {"seeds": seeds, "spread_points": 0.3, "wider_points": points}
    found = shares(count_verdicts, truth, f"Power in %: width {points:g} pp ahead", "wider")
    assert min(found[f"{budget} wider"] for budget in BUDGETS) >= least


@pytest.mark.parametrize("truth", [one for one in cells() if one.values[0]["seeds"] > 3])
def test_sequential_seeds_seldom_give_equal_models_a_winner(truth, shares):
    from tests.analysis.calibration import count_sequential

    title = "Wrong winner in % of studies at the last look of at most three (--until-decided), all models equal"
    found = shares(count_sequential, truth, title, "winner")
    assert found["any winner"] <= MAX_ERROR


@pytest.mark.parametrize("truth", [one for one in cells(wider_points=0.5) if one.values[0]["seeds"] > 3])
def test_sequential_seeds_seldom_call_half_a_point_equal(truth, shares):
    from tests.analysis.calibration import count_sequential

    title = 'Wrong "equal within 0.5 pp" in % of studies with three looks, width 0.5 pp ahead'
    found = shares(count_sequential, truth, title, "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR
