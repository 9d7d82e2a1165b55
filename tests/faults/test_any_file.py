"""Any single file of a results folder replaced by an odd one: every command answers without it, or names it."""

import collections
import json
import os
import shutil
import sys
from dataclasses import asdict, replace

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from harness.cli.main import main
from tests.faults.forked import run_forked
from tests.faults.odd_answers import Examined, Examiner, Oddity
from tests.faults.odd_files import ANYWHERE, FILES, kinds_of
from tests.faults.odd_results import OUTSIDE, REPORT, RESULTS, make_study
from tests.helpers.marks import slow_first
from tests.helpers.users import place_of_all_users
from tests.results.forging import rewrite, setting

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory, as Linux does")

FOLDERS = int(os.environ.get("ODD_FOLDERS", "2000"))
_PROCESSES = 2
_NEW_NAMES = ("checkpoint-spare", "checkpoint-00099-1.safetensors", ".writing-1", "result.json.refused", "checkpoint-x")
_NEW_FILES = ("throughput/x.json", "x", "caf\udce9", "caf\udce9/result.json", "x/result.json")
_MOST_SECONDS, _MOST_MEBIBYTES = 2.0, 200  # beyond the study's own


@pytest.fixture(scope="module")
def study():
    with place_of_all_users() as place:
        place.chmod(0o777)
        yield make_study(place)


def targets(study):
    """Return the paths in the results folder that may be replaced, by the sort of file."""
    found = collections.defaultdict(list)
    for path in sorted(study.intact.rglob("*")):
        name = str(path.relative_to(study.intact))
        sort = "case" if name in study.cases else path.name if path.parent.name in study.cases else name
        found[sort].append(name)
    for name in _NEW_NAMES:
        found[name] = [f"{case}/{name}" for case in study.cases]
    return {**found, "new": list(_NEW_FILES)}


def oddities(study):
    """Return the strategy of single odd files: the sort of file first, then which one, then the kind."""
    by_sort = targets(study)

    def of_target(target):
        path = study.intact / target
        kinds = sorted(kinds_of(path, path.name))
        kinds += 3 * [kind for kind in kinds if kind not in ANYWHERE | FILES]  # the forged ones are of many forms
        return st.builds(Oddity, st.just(target), st.sampled_from(kinds), st.integers(0, 2**32))

    sorts = sorted(by_sort) + 3 * ["result.json", "predictions.npz", "epochs.jsonl"]
    return st.sampled_from(sorts).flatmap(lambda sort: st.sampled_from(by_sort[sort])).flatmap(of_target)


def examine_many(study, folders, number, handle):
    """Examine that many folders, and handle what is found in each; the number decides which folders."""
    examiner = Examiner(study)

    @seed(number)
    @settings(
        max_examples=folders,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(oddities(study))
    def each(oddity):
        handle(examiner.examine(oddity))

    each()


@pytest.mark.parametrize("folders", slow_first(10, 25))
def test_any_odd_file_is_named_or_does_not_matter(study, folders):
    def require(found):
        assert found.faults == [], found.oddity
        assert found.mebibytes < _MOST_MEBIBYTES, found

    examine_many(study, folders, 0, require)


@pytest.mark.slow
def test_command_that_never_ends_its_quote_takes_no_time(study):
    found = Examiner(study).examine(Oddity(f"{study.cases[0]}/result.json", "huge command", 0))
    assert found.faults == []
    assert found.seconds < _MOST_SECONDS


@pytest.mark.slow
def test_forged_twins_in_another_folder_remove_no_result(study):
    study.renew()
    shutil.copytree(study.results, study.outside / "twins")
    for path in study.outside.glob("twins/*/result.json"):
        rewrite(path.parent, setting("per_class.0.class_name", "forged"))
    arguments = ("report", "--json", f"{OUTSIDE}/twins", RESULTS, "--report-dir", REPORT)
    ended = run_forked(lambda: main(arguments), study.root)
    assert ended.code == 0, ended.text
    assert [line for line in json.loads(ended.output)["left_out"] if line.startswith(RESULTS)] == []


@pytest.mark.soak
def test_two_thousand_odd_folders_are_examined_in_bounds(study):
    shares = [FOLDERS // _PROCESSES] * _PROCESSES
    processes = [_start(study, folders, number) for number, folders in enumerate(shares, 1)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    found = [
        Examined(**line | {"oddity": Oddity(**line["oddity"])})
        for number in range(1, _PROCESSES + 1)
        for line in map(json.loads, _log(study, number).read_text().splitlines())
    ]
    _print_figures(found)
    assert codes == [0] * _PROCESSES
    assert [one for one in found if one.faults] == []
    assert max(one.seconds for one in found) < _MOST_SECONDS
    assert max(one.mebibytes for one in found) < _MOST_MEBIBYTES


def _log(study, number):
    return study.root / f"log-{number}.jsonl"


def _start(study, folders, number):
    """Fork a process that examines that many folders in a copy of the study; return its id."""
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        root = study.root / f"process-{number}"
        shutil.copytree(study.root, root, ignore=shutil.ignore_patterns("process-*", "log-*"))
        root.chmod(0o777)
        with open(_log(study, number), "w", encoding="utf-8", buffering=1) as log:
            own = replace(study, root=root, intact=root / study.intact.name)
            examine_many(own, folders, number, lambda found: print(json.dumps(asdict(found)), file=log))
        code = 0
    finally:
        os._exit(code)


def _print_figures(found):
    """Print the number of folders by kind, file and outcome, and the most time and memory."""
    print(f"\n{len(found)} folders, {sum(bool(one.faults) for one in found)} with faults")
    for name in ("seconds", "mebibytes"):
        most = max(found, key=lambda one, name=name: getattr(one, name))
        print(f"most {name} beyond the intact study's: {getattr(most, name):.2f}, {most.oddity}")
    for title, words in (
        ("kinds", [one.oddity.kind for one in found]),
        ("files", [ascii(one.oddity.sort)[1:-1] for one in found]),
        ("outcomes", [f"{action} {outcome}" for one in found for action, outcome in one.outcomes.items()]),
    ):
        counted = sorted(collections.Counter(words).items())
        print(f"{title}: {', '.join(f'{word} {count}' for word, count in counted)}")
    for one in found:
        if one.faults:
            print(one.oddity, *one.faults, sep="\n    ")
