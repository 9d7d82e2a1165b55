"""Fixtures, parameters and marks that a project has of the same names as ours."""

import pytest

MARK = 'import pytest\n@pytest.mark.experiment("digits", models=["resnet8"], seeds=[3])\n'
THEIR_FIXTURES = """
import pytest
@pytest.fixture(scope="session")
def model():
    return "theirs"
@pytest.fixture(scope="session", autouse=True)
def {seed}(model):
    assert model == "theirs"
    return 7
"""
STUBBED = """
@pytest.fixture
def trained(wod_model, wod_seed):
    return wod_model, wod_seed
"""


@pytest.mark.parametrize("place", ["conftest", "other", "test_mine"])
def test_a_projects_fixtures_model_and_seed_are_its_own(place, pytester):
    pytester.syspathinsert()
    own = THEIR_FIXTURES.format(seed="seed")
    sources = {"test_mine": ""} | {place: own}
    sources["test_mine"] += "\ndef test_theirs(model, seed):\n    assert (model, seed) == ('theirs', 7)\n"
    sources["test_mine"] += MARK + "def test_ours(trained, model, seed):\n"
    sources["test_mine"] += "    assert (trained, model, seed) == (('resnet8', 3), 'theirs', 7)\n" + STUBBED
    pytester.makepyfile(**sources)
    plugins = ("-p", "other", "-p", "harness.plugin") if place == "other" else ("-p", "harness.plugin")
    pytester.runpytest_inprocess(*plugins).assert_outcomes(passed=2)


def test_a_projects_parameters_model_and_seed_are_its_own(pytester):
    pytester.makepyfile(
        test_theirs="""
        import pytest
        @pytest.mark.parametrize("model, seed", [("a", 1), ("b", 2)])
        def test_theirs(model, seed):
            assert model in "ab"
        """,
        test_ours=MARK
        + """@pytest.mark.parametrize(["model"], [["theirs"]])
def test_ours(trained, model, seed):
    assert (trained, model, seed) == (("resnet8", 3), "theirs", 3)
"""
        + STUBBED,
    )
    run = pytester.runpytest_inprocess("-p", "harness.plugin", "-v")
    run.assert_outcomes(passed=3)
    run.stdout.fnmatch_lines(["test_ours.py::test_ours[[]*resnet8-seed3*"])


def test_a_case_has_its_model_and_seed_as_arguments(pytester):
    pytester.makepyfile(
        MARK
        + """
def test_ours(trained, model, wod_model, seed, wod_seed):
    assert (model, wod_model, seed, wod_seed) == ("resnet8", "resnet8", 3, 3)
"""
        + STUBBED
    )
    run = pytester.runpytest_inprocess("-p", "harness.plugin", "-v")
    run.stdout.fnmatch_lines(["*::test_ours[[]resnet8-seed3] PASSED*"])


def test_a_projects_mark_and_fixture_trained_are_its_own(pytester):
    pytester.makeini("[pytest]\nmarkers =\n    experiment: theirs\n    measurement: theirs\n")
    pytester.makepyfile(
        test_it="""
        import pytest, unittest
        @pytest.fixture
        def trained():
            return "theirs"
        @pytest.fixture
        def workbench():
            return "bench"
        @pytest.fixture
        def failing():
            pytest.fail("theirs runs before unittest's skip")
        @pytest.mark.experiment(number=4)
        def test_trained(trained):
            assert trained == "theirs"
        @pytest.mark.experiment(number=5)
        def test_failing(trained):
            raise RuntimeError("outer") from OSError("inner")
        @unittest.skip("later")
        @pytest.mark.experiment(number=6)
        def test_skipped(trained, failing):
            pass
        @pytest.mark.measurement
        def test_measured(workbench):
            assert workbench == "bench"
        """,
    )
    run = pytester.runpytest_inprocess("-p", "harness.plugin")
    run.assert_outcomes(passed=2, failed=1, errors=1)
    run.stdout.fnmatch_lines(["FAILED *::test_failing - RuntimeError: outer"])
    run.stdout.no_fnmatch_line("wider-or-deeper:*")
