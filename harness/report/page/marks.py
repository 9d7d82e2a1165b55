"""The marks of the page: a wide bar for wider, a tall one for deeper.

No meaning rests on colour alone.
"""

from markupsafe import Markup

from harness.analysis.budgets import Outcome
from harness.report.figures.style import Style

_KINDS: dict[Outcome, str] = {
    "wider": "wide",
    "deeper": "deep",
    "equal": "equal",
    "no significant difference": "open",
    "one run each": "single",
}
_STYLE_KINDS = {"width": "wide", "depth": "deep", "base": "base", "other": "other"}
# Drawn around the origin, within 7 units of it.
_SHAPES = {
    "wide": Markup('<rect x="-7" y="-3.5" width="14" height="7" rx="1"/>'),
    "deep": Markup('<rect x="-3.5" y="-7" width="7" height="14" rx="1"/>'),
    "equal": Markup('<path d="M-6-5h12v3.6h-12zM-6 1.4h12v3.6h-12z"/>'),
    "open": Markup('<circle class="hollow" r="5"/>'),
    "single": Markup('<circle class="hollow" r="5"/><circle r="1.8"/>'),
    "base": Markup('<circle r="5"/>'),
    "other": Markup('<path d="M0-7 7 0 0 7-7 0z"/>'),
    "none": Markup('<path d="M-5-1.2h10v2.4h-10z"/>'),
}


def kind_of(outcome: Outcome) -> str:
    """Return the name of an outcome's colour and mark."""
    return _KINDS[outcome]


def kind_of_style(style: Style) -> str:
    """Return the name of a model's colour and mark, by its axis."""
    return _STYLE_KINDS[style.kind]


def mark_shape(kind: str) -> Markup:
    """Return a mark as SVG shapes around the origin."""
    return _SHAPES[kind]


def mark_icon(kind: str) -> Markup:
    """Return a mark as an SVG of its own, for use in text."""
    return Markup(
        '<svg class="mark {}" viewBox="-8 -8 16 16" width="16" height="16" aria-hidden="true">{}</svg>'
    ).format(kind, mark_shape(kind))
