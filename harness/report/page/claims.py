"""The paper's claims as the page's template shows them: measured ones first."""

from collections.abc import Sequence
from typing import Any

from harness.analysis.claim_findings import VERDICT_MEANINGS, VERDICTS
from harness.report.tables.claims import JudgedClaims

_MARKS = {"supported": "✓", "contradicted": "✗", "no significant difference": "≈", "one run": "•", "arithmetic": "="}


def claims_view(judged: JudgedClaims) -> dict[str, Any]:
    """Return the claims, each with its judgements side by side, measured and unmeasured ones apart."""
    measured: list[dict[str, Any]] = []
    unmeasured: list[dict[str, Any]] = []
    for judgements in zip(*judged.measured.values(), judged.published, strict=True):
        statements = [
            {
                "text": findings[0].text,
                "findings": [{"finding": one, "verdicts": _verdict_views(one.verdicts)} for one in findings],
            }
            for findings in zip(*(judgement.findings for judgement in judgements), strict=True)
        ]
        verdicts = [_verdict_views(judgement.verdicts) for judgement in judgements]
        is_measured = any(judgement.is_measured for judgement in judgements[:-1])
        row = {"claim": judgements[0].claim, "verdicts": verdicts, "statements": statements}
        (measured if is_measured else unmeasured).append(row)
    key = [{"verdict": _verdict_views([word])[0], "meaning": meaning} for word, meaning in VERDICT_MEANINGS.items()]
    note = judged.stamp.note
    return {"note": note, "headings": judged.headings, "measured": measured, "unmeasured": unmeasured, "key": key}


def _verdict_views(texts: Sequence[str]) -> list[dict[str, str]]:
    """Return verdicts with the mark and the CSS class of the word in each; different words are mixed."""
    views = []
    for text in texts:
        words = [word for word in VERDICTS if word in text]
        is_one = len(words) == 1
        mark = _MARKS.get(words[0], "–") if is_one else "◐"
        views.append({"text": text, "mark": mark, "kind": words[0].replace(" ", "-") if is_one else "mixed"})
    return views
