import pytest

from harness.analysis.claim_findings import Finding, summarise
from harness.paper.claims import Greater
from tests.analysis.judging import ARITHMETIC, EVEN, NO, ONE_RUN, UNKNOWN, UNTESTED, YES

ORDER = Greater("cifar10", "resnet20-2", "resnet56")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([YES], "supported"),
        ([EVEN, EVEN], "no significant difference"),
        ([UNKNOWN, UNKNOWN], "not measured"),
        ([YES, UNKNOWN], "supported (1 of 2 measured)"),
        ([NO, YES, NO], "1 supported, 2 contradicted"),
        ([NO, UNKNOWN, YES], "1 supported, 1 contradicted (2 of 3 measured)"),
        ([NO, UNTESTED], "1 contradicted, 1 not tested"),
        ([ONE_RUN, UNKNOWN], "one run (1 of 2 measured)"),
        ([UNKNOWN, ARITHMETIC], "arithmetic (1 of 2 measured)"),
    ],
)
def test_verdicts_are_shared_or_counted_over_measured_statements(verdicts, expected):
    assert summarise([Finding(ORDER, verdict) for verdict in verdicts]) == (expected,)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(YES, NO)], ("direction supported", "size contradicted")),
        ([(EVEN, YES)], ("no significant difference", "size supported")),
        ([(YES, NO), (YES, None)], ("direction supported", "size contradicted")),
        ([(NO, NO), (YES, YES)], ("direction 1 supported, 1 contradicted", "size 1 supported, 1 contradicted")),
        ([(YES, NO), (UNKNOWN, None)], ("direction supported (1 of 2 measured)", "size contradicted")),
        ([(ONE_RUN, None)], ("one run",)),
    ],
)
def test_direction_and_size_have_verdicts_apart(parts, expected):
    assert summarise([Finding(ORDER, verdict, size=size) for verdict, size in parts]) == expected
