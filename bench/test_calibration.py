"""Check the analysis on 1,000 simulated studies for each of many known truths: ``pytest bench -k calibration``.

It takes up to half an hour on two cores. Its tables are printed and written as CSV files to ``calibration/`` in the
report folder; docs/calibration.md has those of record. A plain ``pytest bench`` skips it.
"""

import os
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from math import sqrt
from multiprocessing import get_context

import pytest

pytestmark = pytest.mark.measurement

STUDIES, PROCESSES = 1_000, 2
MAX_ERROR = 0.06
CHANCE = 2 * sqrt(MAX_ERROR * (1 - MAX_ERROR) / STUDIES)  # two standard errors of a share of 1,000 studies
SEEDS, SPREADS, PATTERNS = (3, 5, 10), (0.2, 0.3, 0.4), ("equal", "growing", "cyclic")
FEW_SEEDS = (2, 3, 5)
BUDGETS = ("total_seconds", "params", "macs", "scale_factor")
SIX_BUDGETS = (*BUDGETS[:3], "latency_seconds", "image_seconds", BUDGETS[3])
WORDS = dict(zip(SIX_BUDGETS, ("time", "parameters", "MACs", "latency", "throughput", "scale factor"), strict=True))
WORDS["any"] = "any budget"


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
def add_row(request):
    """A function that adds a row to a table, and its CSV file; the tables are printed after the last test."""
    from pandas import DataFrame

    from harness.plugin.session import session_of

    folder, tables = session_of(request.config).settings.report_dir / "calibration", defaultdict(list)

    def add(name, row):
        tables[name].append(row | {"studies": STUDIES})
        folder.mkdir(parents=True, exist_ok=True)
        DataFrame(tables[name]).to_csv(folder / f"{name}.csv", index=False)

    yield add
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        for name, rows in tables.items():
            print(f"\n\n{folder / name}.csv\n\n{DataFrame(rows).to_markdown(index=False, disable_numparse=True)}")


@pytest.fixture
def shares(pool):
    """A function that simulates studies in every process and returns the share of each outcome."""

    def compute(count, *truth):
        jobs = [pool.submit(count, *truth, part, STUDIES // PROCESSES) for part in range(PROCESSES)]
        found = sum((job.result() for job in jobs), Counter())
        return Counter({name: number / STUDIES for name, number in found.items()})

    return compute


@pytest.fixture
def verdicts(shares, add_row):
    """A function that returns the share of each outcome in a cell's studies; a row goes into a table."""
    from tests.analysis.calibration import Cell

    def compute(count, truth, table, outcome):
        found = shares(count, Cell(**truth))
        row = {"n": truth["seeds"], "sd": truth["spread_points"], "spreads of the models": truth["pattern"]}
        budgets = SIX_BUDGETS if truth.get("has_use_times") else BUDGETS
        row |= {WORDS[one]: percent(found[f"{one} {outcome}"]) for one in ("any", *budgets)}
        add_row(table, row | ({"seeds taken": f"{found['seeds']:.1f}"} if "seeds" in found else {}))
        return found

    return compute


def percent(share):
    """Return a share of studies as it stands in the tables."""
    return f"{100 * share:.1f}"


@pytest.mark.parametrize("truth", cells())
def test_equal_models_seldom_have_a_winner(truth, verdicts):
    from tests.analysis.calibration import count_headlines

    found = verdicts(count_headlines, truth, "winner", "winner")
    assert found["any winner"] <= MAX_ERROR + CHANCE
    assert max(found[f"{budget} winner"] for budget in BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize("truth", cells(spreads=(0.3,), has_use_times=True))
def test_equal_models_seldom_have_a_winner_at_six_budgets(truth, verdicts):
    from tests.analysis.calibration import count_verdicts

    found = verdicts(count_verdicts, truth, "winner-six-budgets", "winner")
    assert found["any winner"] <= MAX_ERROR + CHANCE
    assert max(found[f"{budget} winner"] for budget in SIX_BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize("seeds", SEEDS)
def test_spread_of_a_noisy_pair_is_reported(seeds, verdicts):
    from tests.analysis.calibration import count_headlines

    truth = {"seeds": seeds, "spread_points": 0.3, "pattern": "noisy pair"}  # extreme: for information, without a limit
    verdicts(count_headlines, truth, "winner-noisy-pair", "winner")


@pytest.mark.parametrize("truth", cells(wider_points=0.5))
def test_half_a_point_is_seldom_called_equal(truth, verdicts):
    from tests.analysis.calibration import count_verdicts

    found = verdicts(count_verdicts, truth, "equal", "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR + CHANCE


@pytest.mark.parametrize(("seeds", "points", "least"), [(3, 1.0, 0.8), (5, 0.5, 0.5)])
def test_power(seeds, points, least, verdicts):
    from tests.analysis.calibration import count_verdicts

    truth = {"seeds": seeds, "spread_points": 0.3, "pattern": "equal", "wider_points": points}
    found = verdicts(count_verdicts, truth, "wider", "wider")
    assert min(found[f"{budget} wider"] for budget in BUDGETS) >= least


@pytest.mark.parametrize("truth", cells(seeds=(5, 10)))
def test_three_looks_seldom_give_equal_models_a_winner(truth, verdicts):
    from tests.analysis.calibration import count_sequential

    found = verdicts(count_sequential, truth, "winner-three-looks", "winner")
    assert found["any winner"] <= MAX_ERROR
    assert found["interim any winner"] <= MAX_ERROR + CHANCE


@pytest.mark.parametrize("truth", cells(seeds=(5, 10), spreads=(0.3,), wider_points=0.5))
def test_three_looks_seldom_call_half_a_point_equal(truth, verdicts):
    from tests.analysis.calibration import count_sequential

    found = verdicts(count_sequential, truth, "equal-three-looks", "equal")
    assert max(found[f"{budget} equal"] for budget in BUDGETS) <= MAX_ERROR


@pytest.mark.parametrize("spreads", PATTERNS)
@pytest.mark.parametrize("seeds", FEW_SEEDS)
def test_addition_is_seldom_called_interaction(seeds, spreads, shares, add_row):
    from tests.analysis.simulated_topics import count_interactions

    found = shares(count_interactions, seeds, spreads, 0.0)["found"]
    add_row("interaction", {"n": seeds, "spreads of the models": spreads, "interaction found": percent(found)})
    assert found <= MAX_ERROR


@pytest.mark.parametrize("seeds", FEW_SEEDS)
def test_interactions_are_found_with_the_stated_power(seeds, shares, add_row):
    import numpy as np

    from tests.analysis.simulated_topics import count_interactions, detectable_growth

    low, stated, high = np.quantile(detectable_growth(seeds, 200), (0.05, 0.5, 0.95))
    found = shares(count_interactions, seeds, "equal", stated)["found"]
    row = {"n": seeds, "stated growth, pp": f"{stated:.2f}", "in 90 % of studies": f"{low:.1f} to {high:.1f}"}
    add_row("interaction-power", row | {"found": percent(found)})
    assert 0.72 <= found <= 0.9


@pytest.mark.parametrize("seeds", FEW_SEEDS)
@pytest.mark.parametrize("kind", ["apart", "close", "growing", "level off"])
def test_the_best_model_is_seldom_called_worse(kind, seeds, shares, add_row):
    from tests.analysis.simulated_topics import count_best_models

    found = shares(count_best_models, kind, seeds)
    kept = found["kept"] / found["choices"]
    add_row("best-model", {"n": seeds, "true accuracies": kind, "best model kept": percent(kept)})
    assert kept >= 0.95


@pytest.mark.parametrize("lead", [0.0, 1.0])
@pytest.mark.parametrize("spreads", ["equal", "noisier short schedules"])
@pytest.mark.parametrize("seeds", FEW_SEEDS)
def test_schedules_seldom_have_a_wrong_winner(seeds, spreads, lead, shares, add_row):
    from tests.analysis.simulated_topics import count_schedules

    found = shares(count_schedules, seeds, spreads, lead)
    row = {"n": seeds, "spreads of the schedules": spreads, "width ahead, pp": lead}
    add_row("schedules", row | {"any winner": percent(found["winner"]), "wider": percent(found["wider"])})
    assert found["winner"] - (found["wider"] if lead else 0) <= MAX_ERROR


@pytest.mark.parametrize("seeds", FEW_SEEDS)
def test_a_trend_over_sizes_is_seldom_found_without_one(seeds, shares, add_row):
    from tests.analysis.simulated_topics import count_trends

    found = shares(count_trends, seeds)["found"]
    add_row("sizes", {"n": seeds, "trend found": percent(found)})
    assert found <= MAX_ERROR + CHANCE


@pytest.mark.parametrize("seeds", FEW_SEEDS[1:])
def test_intervals_of_ensembles_cover_the_true_difference(seeds, shares, add_row):
    from tests.analysis.simulated_topics import count_covered

    found = shares(count_covered, seeds)["covered"]
    add_row("ensembles", {"n": seeds, "interval holds the truth": percent(found)})
    assert found >= 1 - MAX_ERROR - CHANCE
