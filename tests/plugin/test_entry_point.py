"""The plugin loaded by its entry point, in a folder of its own: beside experiments, and beside other people's tests."""

import os
import tomllib

import pytest

from tests.helpers import REPOSITORY
from tests.plugin.benches import BENCH, CONFTEST, results_in

ORDINARY = """
import sys
def test_ordinary():
    heavy = {"torch", "torchvision", "pydantic", "numpy", "scipy", "pandas", "matplotlib", "tabulate", "statsmodels"}
    assert not heavy & sys.modules.keys()
"""


@pytest.fixture
def installed(pytester, monkeypatch):
    """A folder whose pytest finds pyproject.toml's entry points; call it to run pytest there."""
    points = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    metadata = pytester.mkdir("site") / "wider_or_deeper-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: wider-or-deeper\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[pytest11]\n" + "".join(f"{name} = {module}\n" for name, module in points.items())
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(metadata.parent), str(REPOSITORY)]))
    return lambda *arguments: pytester.runpytest_subprocess(*arguments)


@pytest.mark.slow
def test_a_bench_file_needs_neither_conftest_nor_option(installed, pytester):
    pytester.makepyfile(test_digits=BENCH)
    run = installed("-k", "resnet8-seed0", "--results-dir", "kept")
    run.assert_outcomes(passed=1, deselected=1)
    run.stdout.fnmatch_lines(["collected 2 items*", "wider-or-deeper: quick mode*", "training on cpu*"])
    assert len(list(pytester.path.glob("kept/*/result.json"))) == 1


def test_entry_point_and_conftest_load_the_plugin_once(installed, pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_digits=BENCH)
    run = installed("--collect-only", "-p", "harness.plugin", "--seeds", "3", "--wod-epochs", "1", "--full-training")
    run.stdout.fnmatch_lines(["wider-or-deeper: full training, epochs 1, seeds 3", "*2 tests collected*"])


def test_a_session_without_experiments_is_left_alone(installed, pytester, monkeypatch):
    monkeypatch.setenv("WIDER_OR_DEEPER_EPOCHS", "none")
    monkeypatch.setenv("WORLD_SIZE", "many")
    pytester.makeini("[pytest]\nseeds = plenty\n")
    pytester.makepyfile(test_ordinary=ORDINARY)
    run = installed("-W", "error")
    run.assert_outcomes(passed=1)
    output = "\n".join(line for line in run.outlines if not line.startswith(("plugins:", "rootdir:", "benchmark:")))
    assert "wider" not in output
    assert "deeper" not in output
    assert run.stderr.str() == ""
    assert not {"results", "report"} & {path.name for path in pytester.path.iterdir()}


def test_a_rank_of_another_suite_prints_as_ever(installed, pytester, monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "9"}.items():
        monkeypatch.setenv(name, value)
    pytester.makepyfile(test_ordinary=ORDINARY)
    run = installed("--junitxml", "junit.xml")
    run.stdout.fnmatch_lines(["*test session starts*", "collected 1 item", "*1 passed*"])
    assert (pytester.path / "junit.xml").exists()


@pytest.mark.slow
def test_a_conftests_options_keep_their_short_names(installed, pytester):
    pytester.makeconftest(
        """
        def pytest_addoption(parser):
            parser.addoption("--device", default="theirs")
            parser.addoption("--epochs", type=int, default=7)
        """
    )
    pytester.makepyfile(
        test_digits=BENCH,
        test_theirs="""
        def test_theirs(pytestconfig):
            assert (pytestconfig.getoption("device"), pytestconfig.getoption("--epochs")) == ("abacus", 7)
        """,
    )
    options = ("--device", "abacus", "--full-training", "--wod-epochs", "1", "--wod-device", "cpu")
    installed("-k", "theirs or resnet8-seed0", *options).assert_outcomes(passed=2, deselected=1)
    assert [(result["mode"], result["epochs"]) for result in results_in(pytester)] == [("shortened", 1)]


def test_plugins_loaded_by_option_alone_collect_experiments(installed, pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_digits=BENCH)
    run = installed("-p", "harness.plugin", "-p", "pytest_benchmark.plugin", "--collect-only", "-q", "--seeds", "3")
    run.stdout.fnmatch_lines(["*resnet8-seed3*", "2 tests collected*"])


@pytest.mark.parametrize("place", ["a-site", "z-site"])
def test_a_taken_option_names_the_installed_package(place, installed, pytester, monkeypatch):
    metadata = pytester.mkdir(place) / "pytest_abacus-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pytest-abacus\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[pytest11]\nabacus = abacus\n")
    (metadata.parent / "abacus.py").write_text("def pytest_addoption(parser):\n    parser.addoption('--device')\n")
    paths = [str(metadata.parent), os.environ["PYTHONPATH"]]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths if place == "a-site" else reversed(paths)))
    pytester.makepyfile(test_digits=BENCH)
    run = installed("--collect-only", "--seeds", "3", "--device", "abacus")
    run.stdout.fnmatch_lines(["wider-or-deeper: --device belongs to pytest-abacus; ours is --wod-device"])
    run.stdout.fnmatch_lines(["*2 tests collected*"])


def test_help_lists_each_option_once_by_the_name_that_is_ours(installed, pytester):
    pytester.makeconftest("def pytest_addoption(parser):\n    parser.addoption('--device', help='theirs')\n")
    text = installed("--help").stdout.str()
    ours = text.partition("wider-or-deeper: ")[2].splitlines()
    names = {line.split()[0] for line in ours if line.startswith("  --")}
    assert {"--full-training", "--seeds=LIST", "--wod-device=DEVICE"} <= names
    assert not {"--wod-full-training", "--wod-seeds=LIST"} & names
    assert "auto, cpu, cuda, cuda:N or mps" in " ".join(text.split())


def test_a_subfolders_conftest_keeps_its_options(installed, pytester):
    pytester.mkpydir("inner").joinpath("conftest.py").write_text(
        "def pytest_addoption(parser):\n    parser.addoption('--device', default='theirs')\n"
    )
    (pytester.path / "inner/test_ordinary.py").write_text(ORDINARY)
    installed("--wod-device", "cpu").assert_outcomes(passed=1)


@pytest.mark.slow
def test_marks_that_another_suite_registers_are_its_own(installed, pytester):
    pytester.makeini("[pytest]\nmarkers =\n    experiment: theirs\n    measurement(unit): theirs\n")
    pytester.makepyfile(
        test_digits=BENCH,
        test_theirs="""
        import pytest
        @pytest.mark.experiment
        def test_experiment(): pass
        @pytest.mark.measurement("volt")
        def test_measurement(): pass
        """,
    )
    run = installed("test_theirs.py", "--strict-markers")
    run.assert_outcomes(passed=2)
    run.stdout.no_fnmatch_line("wider-or-deeper:*")
    installed("-k", "theirs or resnet8-seed0").assert_outcomes(passed=3, deselected=1)


THEIR_KEYS = """
def pytest_addoption(parser):
    parser.addini("seeds", "theirs", type="linelist")
    parser.addini("full-training", "theirs", default="theirs")
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["conftest", "plugin"])
def test_ini_keys_of_others_keep_their_type_and_default(place, installed, pytester):
    pytester.makeini("[pytest]\nseeds =\n    7\n    8\n")
    pytester.makepyfile(
        **{place: THEIR_KEYS},
        test_digits=BENCH,
        test_theirs="""
        def test_theirs(pytestconfig):
            assert pytestconfig.getini("seeds") == ["7", "8"]
            assert pytestconfig.getini("full-training") == "theirs"
        """,
    )
    plugin = ("-p", "plugin") if place == "plugin" else ()
    installed(*plugin, "-k", "theirs or resnet8-seed0").assert_outcomes(passed=2, deselected=1)


@pytest.mark.parametrize(
    ("variable", "ini", "says"),
    [
        ("0", "", "ERROR: WIDER_OR_DEEPER_EPOCHS '0': *"),
        ("", "[pytest]\nseeds = plenty\n", "ERROR: ini key seeds 'plenty': *"),
    ],
)
def test_a_wrong_setting_is_a_usage_error_with_experiments(variable, ini, says, installed, pytester, monkeypatch):
    monkeypatch.setenv("WIDER_OR_DEEPER_EPOCHS", variable)
    pytester.makeini(ini)
    pytester.makepyfile(test_digits=BENCH, test_ordinary=ORDINARY)
    run = installed()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([says])
    assert len(run.stderr.str().strip().splitlines()) <= 2


def test_a_wrong_option_is_a_usage_error_without_experiments(installed, pytester):
    pytester.makepyfile(test_ordinary=ORDINARY)
    run = installed("--seeds", "plenty")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: --seeds 'plenty': *"])
