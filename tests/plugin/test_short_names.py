"""Options that another plugin or a conftest.py has too: the short name is theirs, and a line says so."""

import pytest

from tests.plugin.benches import BENCH

THEIR_OPTIONS = """
def pytest_addoption(parser):
    parser.addoption("--device", default="theirs")
    parser.addoption("--seeds", default="theirs")
    parser.addoption("--precision", default="theirs")
    parser.addoption("--track", action="store_true")  # ours takes a value
    parser.addoption("--rerun")  # ours takes none
"""
THEIR_TEST = """
def test_theirs(pytestconfig):
    assert (pytestconfig.getoption("device"), pytestconfig.getoption("--seeds")) == ("abacus", "theirs")
    assert pytestconfig.option.track and pytestconfig.option.rerun == "twice"
"""
GIVEN = ("--device", "abacus", "--rerun=twice", "--track", "--wod-seeds", "3", "--full-training")
TAKEN = ("device", "seeds", "precision", "track", "rerun")


@pytest.fixture
def project(pytester):
    """A bench file beside the test of a project with options of its own."""
    pytester.syspathinsert()
    pytester.makepyfile(test_digits=BENCH, test_theirs=THEIR_TEST)
    return pytester


def check(pytester, owner, *arguments):
    """Check that the project's test has its options, that ours are valid beside them, and the lines on both."""
    pytester.runpytest_inprocess(*arguments, *GIVEN, "-k", "theirs").assert_outcomes(passed=1, deselected=2)
    run = pytester.runpytest_inprocess(*arguments, *GIVEN, "--collect-only")
    run.stdout.fnmatch_lines(["wider-or-deeper: full training, *, seeds 3"])
    run.stdout.fnmatch_lines_random(
        [f"wider-or-deeper: --{name} belongs to {owner}; ours is --wod-{name}" for name in TAKEN]
    )
    assert str(run.stdout).count(" belongs to ") == len(TAKEN)


def test_a_conftest_in_the_root_folder_has_the_short_names(project):
    project.makeconftest(THEIR_OPTIONS)
    check(project, "conftest.py", "-p", "harness.plugin")


def test_a_conftest_in_testpaths_has_the_short_names(project):
    project.makeini("[pytest]\ntestpaths = inner .\n")
    project.mkpydir("inner").joinpath("conftest.py").write_text(THEIR_OPTIONS)
    check(project, "inner/conftest.py", "-p", "harness.plugin")


def test_a_file_named_like_an_options_value_keeps_its_conftest(project):
    project.mkdir("base").joinpath("conftest.py").write_text(THEIR_OPTIONS)
    given = ("--wod-full-training", "--baseline", "base", "base", "--rerun=twice")
    run = project.runpytest_inprocess("-p", "harness.plugin", *given)
    assert run.ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    "arguments", [("-p", "other", "-p", "harness.plugin"), ("-p", "harness.plugin", "-p", "other")]
)
def test_a_plugin_loaded_before_or_after_has_the_short_names(arguments, project):
    project.makepyfile(other=THEIR_OPTIONS)
    check(project, "other", *arguments)


@pytest.mark.parametrize("plugins", ['"harness.plugin", "other"', '"other", "harness.plugin"'])
def test_plugins_of_one_conftest_leave_the_short_names_to_the_other(plugins, project):
    project.makepyfile(other=THEIR_OPTIONS)
    project.makeconftest(f"pytest_plugins = [{plugins}]")
    check(project, "other")


def test_a_plugin_of_the_environment_has_the_short_names(project, monkeypatch):
    monkeypatch.setenv("PYTEST_PLUGINS", "other")
    project.makepyfile(other=THEIR_OPTIONS)
    check(project, "other", "-p", "harness.plugin")


def test_a_conftest_below_the_one_that_loads_the_plugin_has_the_names(project):
    project.makeconftest('pytest_plugins = ["harness.plugin"]')
    inner = project.mkdir("inner")  # no package: both files are the module `conftest`
    inner.joinpath("conftest.py").write_text(THEIR_OPTIONS)
    check(project, "inner/conftest.py", ".", "inner")
    project.runpytest_inprocess("--device", "cpu", "-k", "resnet8-seed0", "--collect-only").assert_outcomes()


def test_options_that_a_loop_adds_are_attributed_too(project):
    project.makeconftest(
        """
        def pytest_addoption(parser):
            for name in ("device", "seeds"):
                parser.addoption(f"--{name}")
        """
    )
    run = project.runpytest_inprocess("-p", "harness.plugin", "--collect-only")
    run.stdout.fnmatch_lines(
        ["*--seeds belongs to conftest.py; ours is --wod-seeds", "*--device belongs to conftest.py*"]
    )


def test_a_quiet_session_names_the_taken_options_in_use(project):
    project.makeconftest(THEIR_OPTIONS)
    quiet = ("-p", "harness.plugin", "-q", "--collect-only")
    run = project.runpytest_inprocess(*quiet, "--device=cpu")
    run.stdout.fnmatch_lines(["wider-or-deeper: --device belongs to conftest.py; ours is --wod-device"])
    run.stdout.no_fnmatch_line("*--seeds*")
    project.runpytest_inprocess(*quiet).stdout.no_fnmatch_line("*belongs to*")


def test_a_session_without_experiments_says_nothing_of_taken_names(project):
    project.makeconftest(THEIR_OPTIONS)
    run = project.runpytest_inprocess("-p", "harness.plugin", "test_theirs.py", "--device=abacus", "--rerun=twice")
    run.stdout.no_fnmatch_line("*wod-*")


def test_an_error_names_the_option_that_is_ours(project):
    project.makeconftest(THEIR_OPTIONS)
    run = project.runpytest_inprocess("-p", "harness.plugin", "--wod-seeds", "one")
    run.stderr.fnmatch_lines(["ERROR: --wod-seeds 'one': give whole numbers or ranges of them, *, e.g. 0,1,2 or 0-9"])
    run = project.runpytest_inprocess(
        "-p", "harness.plugin", "--wod-device", "cpu", "--engine", "ray", "--gpus-per-case=1"
    )
    run.stderr.fnmatch_lines(["ERROR: --wod-device cpu contradicts --gpus-per-case 1: *"])


def test_an_ini_key_of_another_plugin_is_theirs_and_ours_has_a_prefix(project):
    project.makeconftest("def pytest_addoption(parser):\n    parser.addini('seeds', 'theirs', type='linelist')\n")
    project.makeini("[pytest]\nseeds =\n    sunflower\n    poppy\nwod_seeds = 5\n")
    run = project.runpytest_inprocess("-p", "harness.plugin", "--full-training", "--collect-only")
    run.stdout.fnmatch_lines(
        ["*full training, *seeds 5", "wider-or-deeper: ini key seeds belongs to conftest.py; ours is wod_seeds"]
    )
