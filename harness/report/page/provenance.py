"""The commands that trained the results, and the environments they were trained in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.short_paths import short_command, without_absolute_paths
from harness.report.truncation import first_lines
from harness.results.result import Result
from harness.results.timing import timed_on
from harness.text import count_noun, printable


def training_commands(results: Sequence[Result]) -> list[str]:
    """Return every command that trained something, with its number of trainings."""
    commands = [attempt.command for result in results for attempt in result.attempts if attempt.command]
    counts = Counter(printable(short_command(command)) for command in commands)
    lines = [f"{command}    # {count_noun(number, 'training')}" for command, number in counts.most_common()]
    return first_lines(lines, "# the CSV tables of runs have each training's")


def training_environments(results: Sequence[Result]) -> list[str]:
    """Return every environment that results were trained in, with its number of trainings."""
    counts = Counter(_environment_text(one) for result in results for one in result.training_environments)
    lines = [f"{text} ({count_noun(number, 'training')})" for text, number in counts.most_common()]
    return first_lines(lines, "each result.json has its own")


def _environment_text(environment: Mapping[str, Any]) -> str:
    versions = environment.get("versions") or {}
    commit = environment.get("commit")
    parts = [
        str(environment.get("node") or ""),
        timed_on(environment),
        f"{environment.get('precision')}",
        f"Python {environment.get('python')}",
        *(f"{name} {version}" for name, version in versions.items() if version and name != "torch"),
        str(environment.get("platform")),
        f"commit {commit[:12]}{'+' if commit.endswith('+') else ''}" if commit else _unknown_commit(environment),
        f"training code {environment.get('training_code')}",
    ]
    return " · ".join(part for part in parts if part)


def _unknown_commit(environment: Mapping[str, Any]) -> str:
    """Return why the commit is unknown; empty for older results, which do not say why."""
    problem = environment.get("commit_problem")
    return f"commit unknown: {without_absolute_paths(str(problem))}" if problem else ""
