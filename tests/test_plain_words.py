"""The language of the code and its documents: plain modern English (CONTRIBUTING.md, "Words")."""

import ast
import re
import subprocess

import pytest

from tests.helpers import REPOSITORY

# Phrases that a reader has to translate, and what to write instead.
OLD_FASHIONED = {
    r"\b(?:go|goes|going|gone) on (?:with|where|from|after|there|in the)\b": "resume, continue",
    r"\banew\b|\bonce more\b": "again, from scratch",
    r"\b(?:is|are|was|be) to be\b": "must, should, will",
    r"\bhas it that\b|\bas it were\b|\bas they please\b": "say it plainly",
    r"\bcome to the same\b|\bcomes to the same\b|\bwhat (?:it|they|\w+) comes? to\b": "computes, results in, agree",
    r"\ba person's words\b|\bput before a person\b": "human-readable",
    r"\btold from chance\b|\btold apart from chance\b": "no significant difference",
    r"\bset aside\b": "quarantine",
    r"\bwhatever became of\b|\bwhat became of\b|\bwhat came of\b|\bcomes of it\b": "the result, the outcome",
    r"\bof whom\b|\bwhereof\b|\bthereof\b|\bhereby\b|\bthereby\b": "say who or what",
    r"\blets? go of\b": "release",
    r"\bnobody\b|\bsomebody\b": "no process, no user, ...",
    r"\bis told\b|\bare told\b|\bwas told\b|\bis given a line\b": "is reported, is called with",
    r"\bis not to be had\b|\bto be had on\b": "is not available",
    r"\bbegun\b|\bbegins anew\b": "started",
    r"\bnone of ours\b|\bof ours\b": "of this harness",
}
DOCUMENTS = (
    "*.py",
    "*.md",
    "*.html",
    "*.js",
    "*.css",
    "*.toml",
    "*.ini",
    "*.cff",
    "*.yaml",
    "*.yml",
    "*.txt",
    "Dockerfile",
)


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.splitlines()]


def quotes_old_words(path, line):
    """True for this list, and for CONTRIBUTING's table of words to replace."""
    return path.name == "test_plain_words.py" or (path.name == "CONTRIBUTING.md" and line.startswith("|"))


@pytest.mark.parametrize("phrase", OLD_FASHIONED)
def test_old_fashioned_phrases_are_not_used(phrase):
    found = []
    for path in tracked(*DOCUMENTS):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(phrase, line, re.IGNORECASE) and not quotes_old_words(path, line):
                found.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:90]}")
    assert found == [], f"write instead: {OLD_FASHIONED[phrase]}"


# Every word that opens a function's docstring: "Return the …". Add a verb here when a new one is needed.
_VERBS = """
    Abort Acquire Add Advance Announce Answer Append Ask Augment Become Bind Broadcast Build Call Cancel Check
    Choose Close Collect Compare Compile Compute Connect Continue Copy Count Create Cut Describe Disconnect Dispatch
    Do Download Draw Drop End Evaluate Execute Find Fit Format Give Group Handle Hold Ignore Import Initialise Judge
    Keep Leave Limit List Load Lock Make Map Measure Mirror Move Note Order Pack Place Prepare Print Raise Read Receive
    Record Reduce Remove Rename Replace Report Require Reset Resize Resolve Restore Resume Return Run Save Scale Set
    Shorten Skip Start Stop Store Sum Take Time Train Turn Unpack Wait Write Yield
    Escape Follow Hide Log Mark Mask Open Pass Refuse Release Send
"""
VERBS = frozenset(_VERBS.split())
# Time, Train, Measure and the like are verbs too: a thing's docstring opens with "The time …".
NOT_A_NOUN = VERBS | {"How", "What", "When", "Where", "Whether", "Which", "Who", "Whose", "Why", "Keeps", "Trains"}
PROPERTIES = ("property", "cached_property", "fixture")


def docstrings():
    """Where, whether it is a function's, and the first line of every docstring of the library."""
    for path in sorted((REPOSITORY / "harness").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                continue
            decorators = [ast.unparse(decorator).partition("(")[0] for decorator in getattr(node, "decorator_list", [])]
            is_function = hasattr(node, "args") and not any(name.endswith(PROPERTIES) for name in decorators)
            if text := ast.get_docstring(node):
                place = f"{path.relative_to(REPOSITORY)}:{getattr(node, 'lineno', 1)}"
                yield place, is_function, text.partition("\n")[0]


def test_a_functions_docstring_opens_with_a_verb():
    opened = [(place, line) for place, is_function, line in docstrings() if is_function]
    assert [(place, line) for place, line in opened if line.split()[0].strip("`.,:") not in VERBS] == []


def test_the_docstring_of_a_thing_opens_with_a_noun():
    opened = [(place, line) for place, is_function, line in docstrings() if not is_function]
    assert [(place, line) for place, line in opened if line.split()[0].strip("`.,:") in NOT_A_NOUN] == []


def test_a_docstrings_first_line_has_at_most_100_characters():
    assert [(place, line) for place, _, line in docstrings() if len(line) > 100] == []
