"""Check the analysis on 1,000 simulated studies for each of many known truths: ``pytest bench -k calibration``.

It takes up to half an hour on two cores and ends with the tables of docs/statistics.md. A plain ``pytest bench`` skips
it.
"""

import os
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from math import sqrt
from multiprocessing import get_context

import pytest

pytestmark = pytest.mark.measurement

STUDIES, PROCESSES = 1_000, 2
MAX_ERROR = 0.06
CHANCE = 2 * sqrt(MAX_ERROR * (1 - MAX_ERROR) / STUDIES)  # two standard errors of a share of 1,000 studies
SEEDS, SPREADS, PATTERNS = (3, 5, 10), (0.2, 0.3, 0.4), ("equal", "growing", "cyclic")
BUDGETS = ("total_seconds", "params", "macs", "scale_factor")
SIX_BUDGETS = (*BUDGETS[:3], "latency_seconds", "image_seconds", BUDGETS[3])
WORDS = dict(zip(SIX_BUDGETS, ("time", "parameters", "MACs", "latency", "throughput", "scale factor"), strict=True))


def cells(seeds=SEEDS, spreads=SPREADS, **truth):
    """Return a parameter of pytest for every number of seeds, spread and pattern."""
    return [
        pytest.param(
            {"seeds": n, "spread_points": spread, "pattern": pattern, **truth}, id=f"n{n}-sd{spread}-{pattern}"
        )
        for n in seeds
        for spread in spreads
        for pattern in PATTERNS
    ]


@pytest.fixture(scope="module")
def pool():
    """The processes that simulate, each with one thread."""
    from tests.analysis.calibration import tabulate_joint_p_values  # imported here to keep collection fast

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "OMP_NUM_THREADS", "1")
        with ProcessPoolExecutor(PROCESSES, get_context("spawn"), tabulate_joint_p_values) as processes:
            yield processes


@pytest.fixture(scope="module")
def rows(request):
    """The tables' rows by title, printed after the last test."""
    found = defaultdict(list)
    yield found
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        for (title, budgets), lines in found.items():
            headings = (
                "n",
                "sd",
                "spreads of the models",
                "any budget",
                *(WORDS[one] for one in budgets),
                "seeds taken",
            )
            print(f"\n\n{title} ({STUDIES:,} studies a row, {today}):\n\n| {' | '.join(headings)} |")
            print("\n".join([f"|{'---|' * len(headings)}", *lines]))


@pytest.fixture
def shares(pool, rows):
    """A function that simulates a cell's studies and returns the share of each outcome; a row goes into a table."""
    from tests.analysis.calibration import Cell

    def compute(count, truth, title, outcome):
        part = STUDIES // PROCESSES
        jobs = [pool.submit(count, Cell(**truth), place, part) for place in range(PROCESSES)]
        found = sum((job.result() for job in jobs), Counter())
        found = Counter({name: number / STUDIES for name, number in found.items()})
        texts = [truth["seeds"], truth["spread_points"], truth["pattern"]]
        budgets = SIX_BUDGETS if truth.get("has_use_times") else BUDGETS
        texts += [f"{100 * found[f'{one} {outcome}']:.1f}" for one in ("any", *budgets)]
        texts.append(f"{found['seeds']:.1f}" if "seeds" in found else "all")
        rows[title, budgets].append(f"| {' | '.join(map(str, texts))} |")
        return found

    return compute


@pytest.mark.parametrize("truth", cells())
def test_equal_models_seldom_have_a_winner(truth, shares):
    from tests.analysis.calibration import count_headlines

    found = shares(count_headlines, truth, "All models equal: studies with a winner, in %", "winner")
    assert found["any winner"] <= MAX_ERROR + CHANCE
    assert max(found[f"{budget} winner"] for budget in BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize("truth", cells(spreads=(0.3,), has_use_times=True))
def test_equal_models_seldom_have_a_winner_at_six_budgets(truth, shares):
    from tests.analysis.calibration import count_verdicts

    title = "All models equal, latency and throughput measured: studies with a winner, in %"
    found = shares(count_verdicts, truth, title, "winner")
    assert found["any winner"] <= MAX_ERROR + CHANCE
    assert max(found[f"{budget} winner"] for budget in SIX_BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize("seeds", SEEDS)
def test_spread_of_a_noisy_pair_is_reported(seeds, shares):
    from tests.analysis.calibration import count_headlines

    truth = {"seeds": seeds, "spread_points": 0.3, "pattern": "noisy pair"}  # extreme: for information, without a limit
    shares(
        count_headlines, truth, "All models equal, 110 and 20-4 twice as noisy: studies with a winner, in %", "winner"
    )


@pytest.mark.parametrize("truth", cells(wider_points=0.5))
def test_half_a_point_is_seldom_called_equal(truth, shares):
    from tests.analysis.calibration import count_verdicts

    title = 'Width 0.5 pp ahead: studies called "equal within 0.5 pp", in %'
    found = shares(count_verdicts, truth, title, "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR + CHANCE


@pytest.mark.parametrize(("seeds", "points", "least"), [(3, 1.0, 0.8), (5, 0.5, 0.5)])
def test_power(seeds, points, least, shares):
    from tests.analysis.calibration import count_verdicts

    truth = {"seeds": seeds, "spread_points": 0.3, "pattern": "equal", "wider_points": points}
    found = shares(count_verdicts, truth, f"Width {points:g} pp ahead: studies called wider, in %", "wider")
    assert min(found[f"{budget} wider"] for budget in BUDGETS) >= least


@pytest.mark.parametrize("truth", cells(seeds=(5, 10)))
def test_three_looks_seldom_give_equal_models_a_winner(truth, shares):
    from tests.analysis.calibration import count_sequential

    found = shares(count_sequential, truth, "Three looks, all models equal: studies with a winner, in %", "winner")
    assert found["any winner"] <= MAX_ERROR
    assert found["interim any winner"] <= MAX_ERROR + CHANCE


@pytest.mark.parametrize("truth", cells(seeds=(5, 10), spreads=(0.3,), wider_points=0.5))
def test_three_looks_seldom_call_half_a_point_equal(truth, shares):
    from tests.analysis.calibration import count_sequential

    title = 'Three looks, width 0.5 pp ahead: studies called "equal within 0.5 pp", in %'
    found = shares(count_sequential, truth, title, "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR
