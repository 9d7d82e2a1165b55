"""A study's answer on a terminal: a line for each budget's verdict, at most eight lines in all."""

import textwrap
from collections.abc import Callable, Iterable, Sequence

from harness.analysis.answer import Answer, costs_text, has_choice
from harness.analysis.budgets import BudgetVerdict
from harness.analysis.evidence import TRAINING_COSTS, Evidence, seeds_text
from harness.analysis.wording import BUDGET_WORDS, budget_cost_text, confidence_text, ends_text
from harness.text import count_noun, listed, p_value, signed

_INDENT = "  "
_MAX_LINES = 8
_MAX_FINDING_LINES = 4
_MAX_CAUTION_LINES = 2
_OUTCOME_WORDS = {"no significant difference": "open", "one run each": "one run"}
Cell = Callable[[BudgetVerdict, Evidence], str]


def answer_lines(evidence: Evidence, answer: Answer, width: int) -> list[str]:
    """Return a study's answer in at most eight lines, none longer than ``width`` characters.

    The headline is left out if the verdicts say the same.
    """
    if not evidence.runs:
        return _titled(evidence, _reason(answer), width)
    room = width - len(_INDENT)
    most = _MAX_LINES - len(_study_lines(evidence, answer.interim, len(answer.cautions), width))
    lines = _verdict_lines(evidence, answer.verdicts, room) if answer.verdicts else _finding_lines(answer, room)
    lines += [textwrap.shorten(line, room, placeholder=" …") for line in answer.brief][: max(0, most - len(lines))]
    left = min(_MAX_CAUTION_LINES, most - len(lines))
    if left > 0:
        lines += _caution_lines(answer.cautions, room, left)
    unseen = 0 if left > 0 else len(answer.cautions)
    return [*_study_lines(evidence, answer.interim, unseen, width), *(_INDENT + line for line in lines)]


def key_parts(answers: Iterable[Answer]) -> list[str]:
    """Return the meanings of the signs and words in the answers' verdicts; empty without a verdict."""
    verdicts = [one for answer in answers for one in answer.verdicts]
    if not verdicts:
        return []
    outcomes, margin = {one.outcome for one in verdicts}, f"{verdicts[0].margin:g} pp"
    parts = ["+: wider is more accurate", "−: deeper", "pp: percentage points"]
    parts += ["[]: simultaneous interval"] * any(one.interval.low is not None for one in verdicts)
    shown = next((one.equality_interval for one in verdicts if one.outcome == "equal"), None)
    parts += [] if shown is None else [f"equal: the {confidence_text(shown.confidence)} interval is within ±{margin}"]
    parts += ["open: no significant difference"] * ("no significant difference" in outcomes)
    return [*parts, *([f"no worse: by {margin} at most"] * any("no worse" in _take(one) for one in verdicts))]


def _study_lines(evidence: Evidence, interim: str, unseen: int, width: int) -> list[str]:
    """Return the study's title and size, with the number of cautions for which the answer has no line."""
    models = count_noun(len(evidence.models), "model")
    size = f"{models}, {interim or seeds_text(evidence)}, {evidence.test_images:,} test images"
    return _titled(evidence, f"{size}; {count_noun(unseen, 'caution')} on the page" if unseen else size, width)


def _titled(evidence: Evidence, text: str, width: int) -> list[str]:
    """Return the text after the study's title, in two lines at most.

    A title too long even for two loses its middle: its end has the mode.
    """
    title, lines = evidence.title, list[str]()
    for room in range(min(len(title), 2 * width), 2, -1):
        cut = title if len(title) <= room else f"{title[: room // 2]}…{title[len(title) - (room - 1) // 2 :]}"
        lines = textwrap.wrap(f"{cut}: {text}", width, subsequent_indent=_INDENT, break_on_hyphens=False)
        if len(lines) <= 2:
            break
    return lines[:2]


def _reason(answer: Answer) -> str:
    """Return the headline of a study without an answer; the mode before it is in the title."""
    return answer.headline[answer.headline.index("No answer") :]


def _finding_lines(answer: Answer, width: int) -> list[str]:
    """Return why there is no answer, and what was found beside it."""
    findings = " ".join(filter(None, (_reason(answer), answer.beside_paper, *answer.sentences)))
    return textwrap.wrap(findings, width, max_lines=_MAX_FINDING_LINES, placeholder=" …")


def _caution_lines(cautions: Sequence[str], width: int, max_lines: int) -> list[str]:
    """Return the first cautions, as many as fit into the lines, and the number of others."""
    lines: list[str] = []
    for shown in range(len(cautions), 0, -1):
        hidden = len(cautions) - shown
        rest = f" And {hidden} more on the page." if hidden else ""
        lines = textwrap.wrap(" ".join(cautions[:shown]) + rest, width)
        if len(lines) <= max_lines:
            return lines
    return textwrap.wrap(" ".join(lines), width, max_lines=max_lines, placeholder=" … More on the page.")


def _verdict_lines(evidence: Evidence, verdicts: Sequence[BudgetVerdict], width: int) -> list[str]:
    """Return a line for each verdict, in the widest layout that fits."""
    for layout in _LAYOUTS:
        lines = _aligned([[cell(one, evidence) for cell in layout] for one in verdicts])
        if max(map(len, lines)) <= width:
            return lines
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows with aligned columns; numbers, which begin with a sign or a bracket, to the right."""
    columns = []
    for cells in zip(*rows, strict=True):
        room = max(map(len, cells))
        is_number = any(cell[:1] in ("+", "−", "[") for cell in cells)
        columns.append([cell.rjust(room) if is_number else cell.ljust(room) for cell in cells])
    return ["  ".join(filter(str.strip, cells)).rstrip() for cells in zip(*columns, strict=True)]


def _budget(verdict: BudgetVerdict, _: Evidence) -> str:
    return f"same {BUDGET_WORDS[verdict.budget]}, {budget_cost_text(verdict)}"


def _short_budget(verdict: BudgetVerdict, evidence: Evidence) -> str:
    return _budget(verdict, evidence).replace("training time", "time").replace(" images/s", "/s")


def _outcome(verdict: BudgetVerdict, _: Evidence) -> str:
    return _OUTCOME_WORDS.get(verdict.outcome, verdict.outcome)


def _points(verdict: BudgetVerdict, _: Evidence) -> str:
    return f"{signed(verdict.interval.mean, 2)} pp"


def _short_points(verdict: BudgetVerdict, _: Evidence) -> str:
    return signed(verdict.interval.mean, 2)


def _interval(verdict: BudgetVerdict, _: Evidence) -> str:
    return ends_text(verdict.interval, 2, is_signed=True)


def _take(verdict: BudgetVerdict, _: Evidence | None = None) -> str:
    """Return the model to take, or the cheaper side if it is no worse."""
    if verdict.take is not None:
        return f"take {verdict.take}"
    if verdict.winner is not None:
        return "take one between" if has_choice(verdict) else "none between"
    if verdict.no_worse is None:
        return ""
    side, name = (verdict.wide, "wider") if verdict.no_worse == "wide" else (verdict.deep, "deeper")
    return f"{side.model or name} no worse"


def _short_take(verdict: BudgetVerdict, _: Evidence) -> str:
    return _take(verdict).removeprefix("take ")


def _long_take(verdict: BudgetVerdict, evidence: Evidence) -> str:
    """Return the model to take with its costs, or the two models between which one would be best."""
    if verdict.winner is not None and verdict.take is None:
        return f"{_take(verdict)} {listed(verdict.winner.weights)}"
    costs = costs_text(verdict, evidence, TRAINING_COSTS)  # with those of use, p would not fit into 160 characters
    return f"{_take(verdict)} ({costs})" if costs else _take(verdict)


def _p_text(verdict: BudgetVerdict, _: Evidence) -> str:
    return f"corrected {p_value(verdict.p_value)}" if verdict.p_value is not None else ""


_LAYOUTS: tuple[tuple[Cell, ...], ...] = (
    (_budget, _outcome, _points, _interval, _long_take, _p_text),
    (_budget, _outcome, _points, _interval, _long_take),
    (_budget, _outcome, _points, _interval, _take),
    (_short_budget, _outcome, _short_points, _interval, _short_take),
    (_short_budget, _outcome, _short_points, _short_take),
)
"""The columns of a verdict's line, from the widest layout to the narrowest."""
