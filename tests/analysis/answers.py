"""Answers to studies of a base, deeper and wider models."""

from harness.analysis.answer import Question, answer
from harness.analysis.comparison import Comparisons
from harness.analysis.power import Spread
from tests.analysis.synthetic_evidence import study

ASSUMED = Spread(0.3, False)
BASE, LOW, HIGH, WIDE = [88.0, 88.3, 88.1], [90.0, 90.1, 90.2], [92.0, 92.2, 92.1], [89.0, 94.0, 90.5]
FOUR = {"resnet56": LOW, "resnet110": [90.6, 90.4, 90.5], "resnet20-2": HIGH, "resnet20-4": [93.0, 93.3, 93.1]}
SAME_COST = {"resnet20": 10.0, "resnet56": 20.0, "resnet20-2": 20.0}


def answered(evidence, **conditions):
    question = Question(ASSUMED, **conditions)
    return answer(Comparisons(evidence, question.alpha), evidence, question)


def pair(width, depth, base=BASE, **changes):
    return study({"resnet20": list(base), "resnet56": depth, "resnet20-2": width}, **changes)
