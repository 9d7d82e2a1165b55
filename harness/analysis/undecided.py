"""Words on undecided budgets: the chance of one run's difference, and what more seeds would settle."""

from collections.abc import Sequence

from harness.analysis.budgets import BudgetVerdict
from harness.analysis.equal_cost import difference_of
from harness.analysis.evidence import Evidence
from harness.analysis.power import Spread, brief_power_text, power_sentence
from harness.analysis.single_run import chances_of_difference
from harness.analysis.wording import percent_text


def chances_text(evidence: Evidence, verdicts: Sequence[BudgetVerdict], spread: Spread) -> str:
    """Return how often equal models differ as much as the last budget's runs; empty if tested."""
    if not verdicts or any(one.outcome != "one run each" for one in verdicts):
        return ""
    last = verdicts[-1]
    weights = difference_of(last.wide.weights, last.deep.weights)
    return percent_text(chances_of_difference(evidence, weights, abs(last.interval.mean), spread))


def one_run_headline(verdict: BudgetVerdict, chances: str) -> str:
    """Return the headline of one run each: the run that is ahead, and how often chance does as much."""
    ahead = verdict.wide if verdict.interval.mean > 0 else verdict.deep
    points = abs(verdict.interval.mean)
    if round(points, 2) == 0:
        return "One run each: no answer. The runs are equally accurate."
    side = "wider" if ahead is verdict.wide else "deeper"
    leader = f"{ahead.model}'s run is" if ahead.model else f"The {side} models' runs are"
    chance = f"models that are equal differ by as much in {chances} of pairs"
    return f"One run each: no answer. {leader} {points:.2f} pp ahead; {chance}."


def brief_lines(verdicts: Sequence[BudgetVerdict], chances: str, brief_settle: str) -> tuple[str, ...]:
    """Return the chance of one run's difference and what would settle it, one line each."""
    lines = []
    if chances:
        points = round(abs(verdicts[-1].interval.mean), 2)
        chance = f"models that are equal differ by {points:.2f} pp in {chances} of pairs"
        lines.append(f"no answer: {chance if points else 'the runs are equally accurate'}")
    return (*lines, brief_settle) if brief_settle else tuple(lines)


def settle_texts(evidence: Evidence, verdicts: Sequence[BudgetVerdict], spread: Spread) -> tuple[str, str]:
    """Return what the seeds can detect, in full and briefly; empty if every budget is decided."""
    if not verdicts or all(one.is_decided for one in verdicts) or evidence.axes is None:
        return "", ""
    counts = {len(evidence.of(model)) for one in verdicts for model in (*one.wide.weights, *one.deep.weights)}
    means = [evidence.mean(model, "total_seconds") for model in evidence.models]
    known = [mean.mean for mean in means if mean is not None]
    seconds = sum(known) if len(known) == len(means) else None
    study = max(counts), len(evidence.models), max(1, len(evidence.axes.counterparts)), spread, seconds
    sentence, brief = power_sentence(*study), brief_power_text(*study)
    if len(counts) == 1:
        return sentence, brief
    return f"If every model had {max(counts)} seeds: {sentence}", f"with {max(counts)} seeds of each: {brief}"
