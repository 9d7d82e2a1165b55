"""The language of the code and its documents: plain modern English (CONTRIBUTING.md, "Words")."""

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
DOCUMENTS = ("*.py", "*.md", "*.html", "*.js", "*.css", "*.toml", "*.ini", "*.cff", "*.yaml")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [REPOSITORY / name for name in listed.stdout.splitlines()]


@pytest.mark.parametrize("phrase", OLD_FASHIONED)
def test_old_fashioned_phrases_are_not_used(phrase):
    found = []
    for path in tracked(*DOCUMENTS):
        if path.name == "test_plain_words.py":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(phrase, line, re.IGNORECASE):
                found.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:90]}")
    assert found == [], f"write instead: {OLD_FASHIONED[phrase]}"
