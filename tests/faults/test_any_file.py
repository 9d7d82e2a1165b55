"""Any single file of a results folder replaced by an odd one: every command answers without it or names it."""

import collections
import json
import os
import sys
import time

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.odd_answers import Examiner, Oddity
from tests.faults.odd_files import kinds_of
from tests.faults.odd_results import make_study
from tests.helpers.users import place_of_all_users

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory, as Linux does")

_NEW_NAMES = ("checkpoint-spare", "checkpoint-00099-1.safetensors", ".writing-1", "result.json.refused", "checkpoint-x")
_FOLDERS, _OVER_SECONDS, _OVER_BYTES = 2000, 2.0, 200 * 2**20


@pytest.fixture(scope="module")
def study():
    with place_of_all_users() as place:
        place.chmod(0o777)
        yield make_study(place)


def targets(study):
    """Return the paths in the results folder that may be replaced, by what they are."""
    found = collections.defaultdict(list)
    for path in sorted(study.intact.rglob("*")):
        name = str(path.relative_to(study.intact))
        found["case" if name in study.cases else path.name if path.parent.name in study.cases else name].append(name)
    for name in _NEW_NAMES:
        found[name] = [f"{case}/{name}" for case in study.cases]
    return dict(found) | {"new": ["throughput/x.json", "x", "caf\udce9", "caf\udce9/result.json", "x/result.json"]}


def oddities(study):
    """Return the strategy of single odd files: first what the file is, then which one, then the kind."""
    by_sort = targets(study)

    def of_target(target):
        path = study.intact / target
        return st.builds(Oddity, st.just(target), st.sampled_from(sorted(kinds_of(path, path.name))), st.integers(0, 2**32))

    return st.sampled_from(sorted(by_sort)).flatmap(lambda sort: st.sampled_from(by_sort[sort])).flatmap(of_target)


def examine_many(study, examiner, folders, number, handle):
    """Examine that many oddities; the number decides which."""

    @seed(number)
    @settings(
        max_examples=folders, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(oddities(study))
    def each(oddity):
        handle(examiner.examine(oddity))

    each()


@pytest.mark.slow
def test_any_odd_file_is_named_or_does_not_matter(study):
    def require(found):
        assert found.faults == [], found.oddity
        assert max(found.memory_bytes.values()) < _OVER_BYTES, found

    examine_many(study, Examiner(study, most_seconds=20.0), 25, 0, require)
