import re
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread, brief_power_text, power_sentence
from harness.analysis.sequential import plan_looks
from harness.report.answer_text import answer_lines, key_parts
from harness.text import signed
from tests.analysis.budget_studies import USE
from tests.analysis.synthetic_evidence import study

MEANS = {"resnet20": 89.0, "resnet56": 90.0, "resnet110": 89.6, "resnet20-2": 90.9, "resnet20-4": 92.0}
MEASURED = Spread(0.3, True)


def accuracies(means=MEANS, seeds=5, spread_points=0.2):
    """Return accuracies by model, with a spread between seeds."""
    generator = np.random.default_rng(1)
    return {model: list(generator.normal(mean, spread_points, seeds)) for model, mean in means.items()}


def answered(values, spread=MEASURED, plan=None, notes=(), **changes):
    evidence = study(values, **changes)
    return evidence, answer(Comparisons(evidence), evidence, Question(spread, plan=plan, notes=notes))


DECIDED = answered(accuracies())
LEVEL = answered(accuracies(dict.fromkeys(MEANS, 90.0), seeds=3, spread_points=0.6))
ONE_RUN = answered(accuracies(seeds=1), spread=Spread(0.3, False))
ONE_AXIS = answered(accuracies({"resnet20": 89.0, "resnet56": 91.0}))
EMPTY = answered({})
USED = answered(accuracies(), use=USE)
USED_LEVEL = answered(accuracies(dict.fromkeys(MEANS, 90.0), seeds=3, spread_points=0.6), use=USE)
USED_ONE_RUN = answered(accuracies(seeds=1), spread=Spread(0.3, False), use=USE)
GIVEN = {
    "decided": DECIDED, "level": LEVEL, "one run": ONE_RUN, "one axis": ONE_AXIS, "empty": EMPTY, "used": USED,
    "used, level": USED_LEVEL, "used, one run": USED_ONE_RUN,
}  # fmt: skip


def test_each_verdict_is_an_aligned_line_with_the_answers_numbers():
    evidence, given = DECIDED
    first, *lines = answer_lines(evidence, given, 80)
    assert first == "CIFAR-10: 5 models, 5 seeds, 10,000 test images"
    assert len(lines) == len(given.verdicts) == 4
    for line, one in zip(lines, given.verdicts, strict=True):
        numbers = re.search(r"(\S+) pp +\[(\S+), (\S+)\]", line).groups()
        assert numbers == tuple(signed(value, 2) for value in (one.interval.mean, one.interval.low, one.interval.high))
        assert line.endswith(f"take {one.take}")
        assert f"  {one.outcome}  " in line
    assert len({(line.index("pp"), line.index("["), line.index("take")) for line in lines}) == 1


def test_titles_that_differ_in_the_middle_are_told_apart():
    size = "5 models, 5 seeds, 10,000 test images"
    title = "digits · 50 % of the training images{} · shortened (3 epochs)"
    first = {
        rates: answer_lines(replace(DECIDED[0], title=title.format(rates)), DECIDED[1], 80)
        for rates in ("", " · tuned learning rates")
    }
    assert " ".join(map(str.strip, first[""][:2])) == f"{title.format('')}: {size}"
    assert first[" · tuned learning rates"][0].startswith("digits · 50 % of the training images · tuned learning rates")
    assert max(map(len, first.values())) <= 8


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("cautions", [0, 1, 40])
def test_answer_has_at_most_eight_lines_within_the_width(name, cautions, width):
    evidence, words = GIVEN[name]
    title = f"{'a picture of ' * 20}flowers · shortened (4 epochs)"
    cautions = tuple(f"resnet{k} is not trained out and left out: its loss is near chance." for k in range(cautions))
    for named in (evidence, replace(evidence, title=title)):
        lines = answer_lines(named, replace(words, cautions=cautions), width)
        assert len(lines) <= 8
        assert max(map(len, lines)) <= width
        assert len(set(lines)) == len(lines)


def test_six_budgets_are_whole_at_eighty_characters():
    lines = answer_lines(*USED, 80)
    assert len(lines) == 7
    assert re.fullmatch(r"  same latency, 10.4 ms   wider  \+\S+  \[\S+, \S+\]  resnet20-4", lines[4])
    assert re.fullmatch(r"  same throughput, 312/s  wider  \+\S+  \[\S+, \S+\]  resnet20-2", lines[5])
    (wide,) = [line for line in answer_lines(*USED, 160) if "throughput" in line]
    assert "same throughput, 312 images/s  wider  " in wide
    assert "MACs)" in wide
    assert "  corrected p " in wide


def test_cautions_without_a_line_are_counted_in_the_first():
    for (evidence, given), last in ((USED_LEVEL, " more seeds of each model"), (USED_ONE_RUN, "  no answer: ")):
        lines = answer_lines(evidence, replace(given, cautions=("One.", "Two.")), 80)
        assert len(lines) == 8
        assert lines[0].endswith(" test images; 2 cautions on the page")
        assert last in lines[7]
    lines = answer_lines(USED[0], replace(USED[1], cautions=("One.", "Two.")), 80)
    assert lines[0].endswith(" test images")
    assert lines[7] == "  One. Two."


def test_headline_is_printed_only_without_verdicts():
    assert " go wider" in DECIDED[1].headline
    assert " go wider" not in "\n".join(answer_lines(*DECIDED, 80))
    lines = answer_lines(*ONE_AXIS, 80)
    assert lines[1].strip().startswith(ONE_AXIS[1].headline)
    assert "Depth pays up to resnet56" in " ".join(map(str.strip, lines))
    assert answer_lines(*EMPTY, 80) == ["CIFAR-10: No answer: there are no runs."]


def test_one_run_each_gives_the_chance_instead_of_intervals():
    evidence, given = ONE_RUN
    first, *lines = answer_lines(evidence, given, 80)
    assert "5 models, 1 seed, " in first
    assert all(re.fullmatch(r"  same .+  one run  [+−]\d\.\d\d pp", line) for line in lines[:4])
    chances = re.search(r"in (.* %) of pairs", given.headline)[1]
    points = signed(abs(given.verdicts[-1].interval.mean), 2).removeprefix("+")
    assert lines[4] == f"  no answer: equally good models differ by {points} pp in {chances} of pairs"
    assert lines[5].startswith("  7 more seeds of each model (")
    assert lines[5].endswith(" here) detect 0.5 pp (spread 0.3 assumed)")
    assert key_parts([given]) == ["+: wider is more accurate", "−: deeper", "pp: percentage points"]


def test_open_verdicts_end_with_what_would_settle_them():
    lines = answer_lines(*LEVEL, 80)
    assert [line for line in lines[1:5] if "  open  " in line]
    assert re.fullmatch(r"  \d+ more seeds of each model \(.* here\) detect 0.5 pp", lines[5])


def test_first_line_has_shortened_epochs_and_interim_seeds():
    values = accuracies(dict.fromkeys(MEANS, 90.0), seeds=3, spread_points=0.6)
    title = "CIFAR-10 · shortened (4 epochs)"
    evidence, given = answered(values, plan=plan_looks((0, 1, 2, 3, 4)), mode="shortened", title=title, epochs=4)
    assert "Shortened to 4 epochs; Interim, 3 of 5 seeds: " in given.headline
    first, *others = answer_lines(evidence, given, 120)
    assert first == f"{title}: 5 models, interim, 3 of 5 seeds, 10,000 test images"
    assert "horten" not in "\n".join(others)
    alone = answered(accuracies({"resnet20": 89.0}), mode="shortened", title=title, epochs=4)
    assert answer_lines(*alone, 120)[1].startswith("  No answer: ")


def test_models_with_fewer_seeds_are_counted_in_the_first_line():
    values = accuracies() | {"resnet110": [89.5, 89.7, 89.4]}
    assert "5 models, 3 to 5 seeds, " in answer_lines(*answered(values), 80)[0]


def test_cautions_beyond_two_lines_are_counted():
    evidence, given = DECIDED
    cautions = [f"Caution number {k} is about this long." for k in range(9)]
    lines = answer_lines(evidence, replace(given, cautions=tuple(cautions)), 80)[5:]
    assert len(lines) == 2
    text = " ".join(map(str.strip, lines))
    assert text == f"{' '.join(cautions[:3])} And 6 more on the page."
    (one,) = answer_lines(evidence, replace(given, cautions=(cautions[0],)), 80)[5:]
    assert one == f"  {cautions[0]}"
    long = answer_lines(evidence, replace(given, cautions=("far too long " * 30,)), 80)[5:]
    assert len(long) == 2
    assert long[1].endswith(" … More on the page.")


def test_wide_terminal_adds_costs_and_corrected_p_values():
    evidence, given = DECIDED
    for line, one in zip(answer_lines(evidence, given, 160)[1:], given.verdicts, strict=True):
        assert f"take {one.take} (" in line
        assert "parameters, " in line
        assert re.search(r"  corrected p (= \.\d\d\d|< \.001)$", line)


def test_long_model_names_take_the_narrow_layout():
    evidence, given = DECIDED
    name = "MyNet(depth=3, width=2)"
    verdicts = tuple(replace(one, take=name) for one in given.verdicts)
    lines = answer_lines(evidence, replace(given, verdicts=verdicts), 80)
    assert all(line.endswith(f"]  {name}") for line in lines[1:])
    assert lines[1].startswith("  same time, ")
    assert max(map(len, lines)) <= 80


def test_verdict_without_a_model_to_take_says_what_is_known():
    evidence, given = DECIDED
    first, *others = given.verdicts
    between = replace(first, take=None)
    assert "take one between" in answer_lines(evidence, replace(given, verdicts=(between, *others)), 80)[1]
    wide = answer_lines(evidence, replace(given, verdicts=(between,)), 160)[1]
    assert f"take one between {' and '.join(between.winner.weights)}" in wide
    cheaper = replace(others[-1], outcome="no significant difference", take=None, no_worse="deep")
    given = replace(given, verdicts=(cheaper,))
    assert f"{cheaper.deep.model} no worse" in answer_lines(evidence, given, 80)[1]
    assert "no worse: by 0.5 pp at most" in key_parts([given])


def test_key_explains_only_words_that_occur():
    _, given = DECIDED
    assert key_parts([given]) == [
        "+: wider is more accurate",
        "−: deeper",
        "pp: percentage points",
        "[]: simultaneous interval",
    ]
    verdicts = tuple(replace(one, outcome="equal", margin=0.25) for one in given.verdicts)
    assert "equal: the 90 % interval is within ±0.25 pp" in key_parts([replace(given, verdicts=verdicts)])
    assert "open: no significant difference" in key_parts([LEVEL[1]])
    assert key_parts([EMPTY[1], ONE_AXIS[1]]) == []


@pytest.mark.parametrize(
    ("seeds", "spread", "seconds", "text"),
    [
        (3, MEASURED, 60.0, "5 more seeds of each model (5m00s here) detect 0.5 pp"),
        (7, MEASURED, 60.0, "1 more seed of each model (1m00s here) detects 0.5 pp"),
        (1, Spread(0.3, False), None, "7 more seeds of each model detect 0.5 pp (spread 0.3 assumed)"),
        (10, MEASURED, 60.0, "10 seeds can detect 0.43 pp"),
    ],
)
def test_brief_power_text_agrees_with_the_sentence(seeds, spread, seconds, text):
    assert brief_power_text(seeds, 6, 2, spread, seconds) == text
    number = text.split()[0]
    assert f"{number} more" in power_sentence(seeds, 6, 2, spread, seconds) or number == str(seeds)
