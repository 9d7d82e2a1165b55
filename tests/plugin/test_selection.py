"""What is prepared is what will run: a skipped test demands no data, no model and no download."""

import pytest
from _pytest.outcomes import importorskip

from harness.data import registry
from tests.plugin.benches import BENCH, CONFTEST

ABSENT = '@pytest.mark.experiment("folder:/no/such", models=["resnet8"])'
TEST = f"{ABSENT}\ndef test_absent(trained): pass"
HEAD = "import pathlib, unittest, pytest\nPLACE = pathlib.Path('/no/such')\n"
SKIPPED = {
    "skipif": f"@pytest.mark.skipif(not PLACE.exists(), reason='absent')\n{TEST}",
    "skipif of a text": f"@pytest.mark.skipif('not PLACE.exists()', reason='absent')\n{TEST}",
    "a download": "@pytest.mark.skip\n@pytest.mark.experiment('cifar10', ['resnet20'])\ndef test_it(trained): pass",
    "an unknown model": f"@pytest.mark.skip\n{TEST}".replace("resnet8", "resnet21"),
    "an unknown dataset": "@pytest.mark.skip\n@pytest.mark.experiment('svhn', ['resnet8'])\ndef test_it(trained): pass",
    "unittest": f"@unittest.skip('absent')\n{TEST}",
    "the module": f"pytestmark = pytest.mark.skipif(not PLACE.exists(), reason='absent')\n{TEST}",
    "the class": f"@pytest.mark.skip\nclass TestIt:\n    {ABSENT}\n    def test_it(self, trained): pass",
    "a parameter": f"@pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.skip)])\n"
    f"{ABSENT}\ndef test_it(trained, x): pass",
}


def result_folders(pytester):
    return {"results", "report"} & {path.name for path in pytester.path.iterdir()}


@pytest.mark.parametrize("text", SKIPPED.values(), ids=SKIPPED)
def test_skipped_test_demands_nothing(text, bench, pytester, studies):
    pytester.makepyfile(test_digits=HEAD + text)
    run = bench("--full-training")
    run.assert_outcomes(skipped=1)
    assert run.ret == pytest.ExitCode.OK
    assert studies == []
    assert not result_folders(pytester)


@pytest.mark.parametrize(
    ("mark", "outcome"),
    [
        ("@pytest.mark.xfail(run=False)", {"xfailed": 1}),
        ("@pytest.mark.skipif('nosuch', reason='')", {"errors": 1}),
    ],
)
def test_test_that_ends_before_its_fixtures_demands_nothing(mark, outcome, bench, pytester, studies):
    pytester.makepyfile(test_digits=f"{HEAD}{mark}\n{TEST}")
    bench().assert_outcomes(**outcome)
    assert studies == []


def test_importorskip_of_the_module_demands_nothing(bench, pytester, studies, monkeypatch):
    monkeypatch.setattr(pytest, "importorskip", importorskip)  # tests/conftest.py may have replaced it
    pytester.makepyfile(test_digits=f"{HEAD}pytest.importorskip('nosuch')\n{TEST}")
    bench().assert_outcomes(skipped=1)
    assert studies == []


def test_skip_marks_that_a_conftest_adds_count(bench, pytester, studies):
    pytester.makeconftest(
        CONFTEST + "\nimport pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items: item.add_marker(pytest.mark.skip)\n"
    )
    pytester.makepyfile(test_digits=HEAD + TEST)
    bench().assert_outcomes(skipped=1)
    assert studies == []


@pytest.mark.parametrize("arguments", [("-k", "other"), ("--deselect", "test_digits.py::test_absent"), ("-m", "not x")])
def test_deselected_test_demands_nothing(arguments, bench, pytester, studies):
    pytester.makeini("[pytest]\nmarkers = x\n")
    pytester.makepyfile(test_digits=f"{HEAD}@pytest.mark.x\n{TEST}\ndef test_other(): pass")
    bench(*arguments).assert_outcomes(passed=1, deselected=1)
    assert studies == []


def test_skipped_cases_are_not_counted(bench, pytester, studies):
    pytester.makepyfile(test_digits=BENCH.replace("@pytest", "@pytest.mark.skip\n@pytest", 1))
    bench().stdout.no_fnmatch_line("*wider-or-deeper: quick mode*")


BY_CODE = {
    "fixture": (
        "",
        f"@pytest.fixture\ndef present(): pytest.skip('absent')\n{ABSENT}\ndef test_it(present, trained): pass",
    ),
    "automatic fixture": ("", f"@pytest.fixture(autouse=True)\ndef present(): pytest.skip('absent')\n{TEST}"),
    "fixture without a module": (
        "",
        "def present(): pytest.skip('absent')\npresent.__module__ = None\n"
        f"present = pytest.fixture(autouse=True)(present)\n{TEST}",
    ),
    "setup_module": ("", f"def setup_module(): pytest.skip('absent')\n{TEST}"),
    "hook": ("\nimport pytest\ndef pytest_runtest_setup(item): pytest.skip('absent')", TEST),
}  # fmt: skip


@pytest.mark.parametrize(("conftest", "text"), BY_CODE.values(), ids=BY_CODE)
def test_skip_by_code_of_the_project_is_waited_for(conftest, text, bench, pytester):
    pytester.makeconftest(CONFTEST + conftest)
    pytester.makepyfile(test_digits=HEAD + text)
    run = bench()
    run.assert_outcomes(skipped=1)
    run.stdout.fnmatch_lines(["not prepared, since a fixture or hook may skip it: folder:/no/such*does not exist*"])


@pytest.fixture
def loads(monkeypatch):
    """A list that gets the name of each dataset that a machine looks for."""
    get_spec, names = registry.get_spec, []
    monkeypatch.setattr(registry, "get_spec", lambda name, *rest: names.append(name) or get_spec(name, *rest))
    return names


def test_data_that_may_be_skipped_are_looked_for_once_for_all_cases(bench, pytester, loads):
    text = BY_CODE["automatic fixture"][1].replace('["resnet8"]', '["resnet8", "resnet14"], seeds=(0, 1)')
    pytester.makepyfile(test_digits=HEAD + text)
    bench("--full-training").assert_outcomes(skipped=4)
    assert loads == ["folder:/no/such"]


def test_absent_data_are_an_error_of_the_test_that_code_did_not_skip(bench, pytester, loads):
    text = (
        f"@pytest.fixture\ndef present(): pass\n{ABSENT}\ndef test_it(present, trained): pass\ndef test_other(): pass"
    )
    pytester.makepyfile(test_digits=HEAD + text)
    run = bench()
    run.assert_outcomes(errors=1, passed=1)
    run.stdout.fnmatch_lines(["*ERROR at setup of test_it*", "folder /no/such does not exist: give folder:PATH*"])
    assert len(loads) == 2  # at the session's start and in the test


def test_absent_data_end_a_session_whose_fixtures_are_pytests_own(bench, pytester):
    pytester.makepyfile(test_digits=f"{HEAD}{ABSENT}\ndef test_it(trained, tmp_path): pass")
    assert bench().ret == pytest.ExitCode.USAGE_ERROR


def test_case_whose_skip_no_longer_applies_is_trained(bench, pytester):
    late = BENCH.replace("@pytest.mark", "@pytest.mark.skipif('not PLACE.exists()', reason='')\n@pytest.mark", 1)
    late = late.replace('["resnet8", "resnet8-2"]', '["resnet8"]')
    pytester.makepyfile(
        test_digits=f"import pathlib\nPLACE = pathlib.Path('made')\ndef test_first(): PLACE.touch()\n{late}"
    )
    run = bench()
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["resnet8 *"])


RANDOM = (
    CONFTEST
    + """
import pytest
class Shuffling:
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items):
        result = yield
        items.reverse()
        return result
def pytest_configure(config): config.pluginmanager.register(Shuffling(), "randomly")
"""
)


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        ((), ["resnet8-seed0", "resnet8-seed1", "resnet8-2-seed0", "resnet8-2-seed1"]),
        (("--until-decided",), ["resnet8-seed0", "resnet8-2-seed0", "resnet8-seed1", "resnet8-2-seed1"]),
    ],
)
def test_shuffling_plugin_leaves_the_cases_in_order(arguments, order, bench, pytester):
    pytester.makeconftest(RANDOM)
    listed = bench("--collect-only", "-q", "--full-training", "--seeds", "0,1", *arguments)
    listed.stdout.fnmatch_lines([f"*[[]{name}]" for name in order])
