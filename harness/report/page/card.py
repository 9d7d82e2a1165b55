"""A study's card: what to take under which limit, how sure that is, and what would settle the rest."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from harness.analysis.answer import advice, costs_text
from harness.analysis.budgets import BUDGETS, BudgetVerdict
from harness.analysis.evidence import Evidence, seeds_text
from harness.analysis.missing_verdicts import missing_verdicts
from harness.analysis.settling import settling_seeds
from harness.analysis.stats import Interval
from harness.analysis.wording import BUDGET_WORDS, budget_cost_text, confidence_text, outcome_text
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.published import STUDY_MODELS
from harness.report.page.content import StudyPage
from harness.report.page.interval_bar import bar_reach, interval_bar
from harness.report.page.marks import kind_of, mark_icon
from harness.report.short_paths import short_path
from harness.report.truncation import first_lines
from harness.text import count_noun, p_number, p_value, signed

_MAX_CAUTIONS = 8
_DEFAULT_RESULTS = "results"


def card_view(study: StudyPage, *, names_folders: bool = True) -> dict[str, Any]:
    """Return a study's card as the template shows it; its command may name the results folder."""
    verdicts = study.answer.verdicts
    reasons = missing_verdicts(study.comparisons, verdicts)
    reach, by_budget = bar_reach(verdicts), {one.budget: one for one in verdicts}
    rows = [
        _row(by_budget[budget], study.evidence, reach)
        if budget in by_budget
        else _row_without_verdict(budget, reasons[budget])
        for budget in BUDGETS
        if budget in by_budget or budget in reasons
    ]
    is_empty = not verdicts and len(set(reasons.values())) == 1
    return {
        "headline": headline_markup(study.answer.headline, study.evidence.models),
        "certainty": certainty_text(study.comparisons.evidence, verdicts, study.question.alpha)
        or study.answer.beside_paper,
        "cautions": first_lines(_cautions(study), "see the notes of the tables", _MAX_CAUTIONS),
        "rows": [] if is_empty or not study.evidence.runs else rows,
        "reason": next(iter(reasons.values())) if is_empty and study.evidence.runs else "",
        "margin": f"{study.question.margin:g}",
        "confidence": confidence_text(1 - study.question.alpha),
        "equality": confidence_text(1 - 2 * study.question.alpha),
        "scope": study.answer.scope,
        "settle": study.answer.settle,
        "command": _settling_command(study, names_folders=names_folders),
    }


def headline_markup(headline: str, models: Sequence[str]) -> Markup:
    """Return a headline with its directions in their colours and the models to take in bold."""
    names = "|".join(re.escape(str(escape(one))) for one in sorted(models, key=len, reverse=True))
    text = str(escape(headline))
    text = re.sub(r"\bgo (wider|deeper)\b", lambda found: f'go <span class="{found[1][:4]}">{found[1]}</span>', text)
    return Markup(re.sub(rf"\btake ({names})(?=[.,])", r"take <b>\1</b>", text) if names else text)


def certainty_text(evidence: Evidence, verdicts: Sequence[BudgetVerdict], alpha: float) -> str:
    """Return how sure the answer is, in one sentence; empty without a verdict."""
    if not verdicts:
        return ""
    decided = [one for one in verdicts if one.is_decided]
    if all(one.outcome == "one run each" for one in verdicts):
        return ""  # the headline and a caution say it
    seeds = seeds_text(evidence)
    if not decided:
        return f"Not decided yet: with {seeds} no budget has a significant difference or a shown equality."
    how_many = "every budget is" if len(decided) == len(verdicts) else f"{len(decided)} of {len(verdicts)} budgets are"
    worst = max((one.p_value for one in decided if one.winner is not None and one.p_value is not None), default=None)
    at_most = "" if worst is None else f"; largest p of a difference: {_whole_p_number(worst)}"
    return f"How sure: {how_many} decided at {confidence_text(1 - alpha)} confidence by {seeds} of each model{at_most}."


def _whole_p_number(p: float | None) -> str:
    """Return a p-value without its ``p =``, on one line: ``.012``, ``< .001``."""
    return p_number(p).replace(" ", "\N{NO-BREAK SPACE}")


def _cautions(study: StudyPage) -> list[str]:
    """Return what a reader must know before using the answer, the most important first."""
    evidence, verdicts, cautions = study.evidence, study.answer.verdicts, []
    if verdicts and any(one.outcome == "one run each" for one in verdicts):
        cautions.append(_one_run_caution(verdicts))
    if evidence.mode == "shortened":
        cautions.append(f"Shortened to {count_noun(evidence.epochs, 'epoch')}: the recipe's own training may differ.")
    if study.answer.interim:
        cautions.append("Interim: planned seeds are missing, and the verdicts may change.")
    return [*cautions, *study.answer.cautions]


def _one_run_caution(verdicts: Sequence[BudgetVerdict]) -> str:
    """Return that there is no verdict of one run each, at some budgets or at all."""
    once = [BUDGET_WORDS[one.budget] for one in verdicts if one.outcome == "one run each"]
    at = "" if len(once) == len(verdicts) else f" at equal {' and '.join(once)}"
    return f"One run each{at}: chance alone makes runs differ, so there is no verdict yet."


def _row(verdict: BudgetVerdict, evidence: Evidence, reach: float) -> dict[str, Any]:
    """Return a budget's verdict as a row."""
    kind = kind_of(verdict.outcome)
    return {
        "budget": BUDGET_WORDS[verdict.budget],
        "cost": budget_cost_text(verdict),
        "kind": kind,
        "mark": mark_icon(kind),
        "word": outcome_text(verdict.outcome, verdict.margin),
        "reason": "",
        "number": signed(verdict.interval.mean, 2),
        "interval": _ends(verdict.interval) or "no interval",
        "bar": interval_bar(verdict, reach),
        "take": verdict.take,
        "costs": costs_text(verdict, evidence).replace(" ms", "\N{NO-BREAK SPACE}ms"),
        "advice": advice(verdict) if verdict.take is None else "",
        **_test_texts(verdict),
    }


def _ends(interval: Interval) -> str:
    """Return an interval's ends without brackets, for a column of intervals; empty without ends."""
    return " to ".join(signed(end, 2) for end in (interval.low, interval.high) if end is not None)


def _test_texts(verdict: BudgetVerdict) -> dict[str, str]:
    """Return the test's p with its correction, and the interval that shows equality."""
    if verdict.p_value is None:
        return {"p": "no test", "p_note": "", "equality": ""}
    alone = _whole_p_number(verdict.p_alone)
    equality = ""
    if verdict.outcome == "equal" and verdict.equality_interval is not None:
        shown = verdict.equality_interval
        equality = f"{confidence_text(shown.confidence)}: {_ends(shown)}"
    note = f"{verdict.correction}; alone {alone}" if verdict.correction else ""
    return {"p": p_value(verdict.p_value), "p_note": note, "equality": equality}


def _row_without_verdict(budget: str, reason: str) -> dict[str, Any]:
    return {"budget": BUDGET_WORDS[budget], "mark": mark_icon("none"), "reason": reason}


def _results_folder(folder: Path) -> str:
    """Return a results folder as an option's value; one elsewhere gets a placeholder of its path."""
    name = short_path(str(folder))
    is_inside = not folder.is_absolute() or folder.is_relative_to(Path.cwd())
    return name if is_inside else f"PATH/TO/{name}"


def _settling_command(study: StudyPage, *, names_folders: bool) -> str:
    """Return the command that trains the settling seeds; empty if bench cannot train them."""
    evidence, question = study.comparisons.evidence, study.question
    seeds = settling_seeds(evidence, study.answer.verdicts, question.spread, question.plan)
    known = STUDY_MODELS.get(evidence.dataset, ())
    recipes = {run.result.case.recipe for run in evidence.runs if run.result is not None}
    can_train = set(evidence.models) <= set(known) and recipes == {PUBLISHED_RECIPES.get(evidence.dataset)}
    if not seeds or evidence.mode != "full" or not can_train:
        return ""
    chosen = evidence.dataset
    if set(evidence.models) != set(known):  # the seed's name behind it: resnet20 would choose resnet20-4 too
        chosen = f'"{chosen} and ({" or ".join(f"{model}-seed" for model in evidence.models)})"'
    folder = _results_folder(Path(str(evidence.folder)))
    results = "" if folder == _DEFAULT_RESULTS or not names_folders else f" --results-dir {shlex.quote(folder)}"
    return f"pytest bench -k {chosen} --full-training --seeds {','.join(map(str, seeds))}{results}"
