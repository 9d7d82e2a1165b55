import pytest

from tests.helpers import REPOSITORY
from tests.plugin.benches import BENCH, CONFTEST, results_in


def test_a_mark_becomes_one_case_per_model_and_seed(bench):
    listing = bench("--collect-only", "-q", "--seeds", "0,3")
    listing.stdout.fnmatch_lines(
        [
            "test_digits.py::test_digits[[]resnet8-seed0[]]",
            "test_digits.py::test_digits[[]resnet8-seed3[]]",
            "test_digits.py::test_digits[[]resnet8-2-seed0[]]",
            "test_digits.py::test_digits[[]resnet8-2-seed3[]]",
        ]
    )
    bench("--collect-only", "-q", "-k", "digits and resnet8-seed0").stdout.fnmatch_lines(["1/2 tests collected*"])


def test_the_marks_seeds_are_trained_unless_seeds_are_given(bench, pytester):
    pytester.makepyfile(test_digits=BENCH.replace("recipe=RECIPE", "recipe=RECIPE, seeds=[3, 0]"))
    full = bench("--collect-only", "--full-training", "-k", "resnet8-seed")
    full.stdout.fnmatch_lines(["wider-or-deeper: full training, the recipes' own epochs, seeds 3,0", "*2/4 tests*"])
    quick = bench("--collect-only", "-q")
    quick.stdout.fnmatch_lines(["*resnet8-seed3[]]", "*resnet8-2-seed3[]]", "2 tests collected*"])
    bench("--collect-only", "-q", "--seeds", "7").stdout.fnmatch_lines(["*resnet8-seed7[]]", "*resnet8-2-seed7[]]"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"resnet8-2"', '"resnet21"', "*unknown model 'resnet21': no resnet has depth 21*"),
        ('"resnet8-2"', '"resnet20-0"', "*unknown model 'resnet20-0': the width coefficient must be above 0*"),
        ('["resnet8", "resnet8-2"]', '"resnet8"', "*models is 'resnet8': give a list of models*"),
        ('["resnet8", "resnet8-2"]', "[]", "*models is []: give a list of models*"),
        ('["resnet8", "resnet8-2"]', '["resnet8", "resnet8"]', "*give *different models*"),
        ('"digits"', "7", "*dataset is 7: give one name*"),
        ("recipe=RECIPE", "seeds=[0, 0]", "*seeds is [[]0, 0[]]: give a list of different whole numbers*"),
        ("trained, epoch_records", "", "*a test with the mark experiment needs the fixture `trained`: add it to the*"),
        ('"digits"', '"svhn"', "*unknown dataset 'svhn': the datasets are cifar10, *hf:NAME"),
        ('"digits"', '"folder:/no/such"', "*folder /no/such does not exist*"),
        ('models=["resnet8", "resnet8-2"], ', "", "*missing*argument: 'models'*"),
        ("recipe=RECIPE", 'recipe="fast"', "*recipe 'fast' is not a Recipe*"),
        ('"digits"', '"cifar10"', "recipe 'digits' is for images of 1 channels, cifar10 has 3*"),
    ],
)
def test_a_wrong_mark_is_a_usage_error_that_names_the_right_form(old, new, says, bench, pytester, monkeypatch):
    monkeypatch.setenv("WIDER_OR_DEEPER_DATA_DIR", str(pytester.path))
    pytester.makepyfile(test_digits=BENCH.replace(old, new))
    run = bench()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines([f"*{says}"])
    assert len(run.stderr.str().strip().splitlines()) <= 2
    assert "_checked" not in run.stderr.str()
    assert results_in(pytester) == []


EXPERIMENT = 'pytest.mark.experiment("digits", models=["resnet8"])'
OTHER = 'pytest.mark.experiment(dataset="cifar10", models=["resnet20"])'
TEST = "def test_it(trained): pass"
METHOD = "    def test_it(self, trained): pass"


@pytest.mark.parametrize(
    "text",
    [
        f"@{OTHER}\n@{EXPERIMENT}\n{TEST}",
        f"pytestmark = [{EXPERIMENT}, {OTHER}]\n{TEST}",
        f"@{OTHER}\n@{EXPERIMENT}\nclass TestIt:\n{METHOD}",
        f"@{EXPERIMENT}\nclass Base: pass\n@{OTHER}\nclass TestIt(Base):\n{METHOD}",
    ],
    ids=["function", "module", "class", "base class"],
)
def test_two_experiment_marks_in_one_place_are_refused(text, bench, pytester):
    pytester.makepyfile(test_digits=f"import pytest\n{text}")
    run = bench()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(
        ["ERROR: *test_it: 2 experiment marks in one place, for *digits*: give a test one of them*"]
    )
    assert "cifar10" in run.stderr.str()


def test_mark_in_a_pytest_param_is_refused(bench, pytester):
    parameters = f"@pytest.mark.parametrize('x', [pytest.param(1, marks={EXPERIMENT})])"
    pytester.makepyfile(test_digits=f"import pytest\n{parameters}\ndef test_it(trained, x): pass")
    run = bench()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: *test_it[[]1]: the mark experiment is in a pytest.param: give it to the test*"])


@pytest.mark.parametrize(
    ("text", "arguments", "listed"),
    [
        (f"@{OTHER}\nclass TestIt:\n    @{EXPERIMENT}\n{METHOD}", (), ["*resnet8-seed0]", "1 test collected*"]),
        (f"pytestmark = {OTHER}\n@{EXPERIMENT}\n{TEST}", (), ["*resnet8-seed0]", "1 test collected*"]),
        (f"pytestmark = {EXPERIMENT}\n{TEST}", (), ["*resnet8-seed0]", "1 test collected*"]),
        (
            f"@pytest.mark.parametrize('x', [1, 2])\n@{EXPERIMENT}\ndef test_it(trained, x): pass",
            (),
            ["*resnet8-seed0-1]", "*resnet8-seed0-2]"],
        ),
        (f"@pytest.mark.measurement\n@{EXPERIMENT}\n{TEST}", (), ["*1 deselected*"]),
        (f"@pytest.mark.measurement\n@{EXPERIMENT}\n{TEST}", ("-k", "digits"), ["*resnet8-seed0]", "1 test *"]),
    ],
)
def test_closest_mark_counts_and_other_marks_combine(text, arguments, listed, bench, pytester):
    pytester.makepyfile(test_digits=f"import pytest\n{text}")
    bench("--collect-only", "-q", *arguments).stdout.fnmatch_lines(listed)


def test_experiments_without_pytest_benchmark_ask_for_it(bench):
    run = bench("-p", "no:benchmark")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: experiments need pytest-benchmark*"])


def test_a_marked_unittest_class_is_a_usage_error(bench, pytester):
    mark = '@pytest.mark.experiment("digits", ["resnet8"])'
    pytester.makepyfile(
        test_digits=f"import pytest, unittest\n{mark}\nclass TestIt(unittest.TestCase):\n    def test_it(self): pass"
    )
    run = bench()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    run.stderr.fnmatch_lines(["ERROR: test_digits.py::TestIt::test_it: *needs the fixture `trained`: add it*"])


def test_trained_without_the_mark_asks_for_the_mark(bench, pytester):
    pytester.makepyfile(test_digits="def test_it(trained):\n    pass")
    run = bench()
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*the fixture 'trained' needs the experiment mark: add e.g. @pytest.mark.experiment(*"])


def test_collecting_does_not_import_torch(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_digits=BENCH + "\ndef test_no_torch():\n    import sys\n    assert 'torch' not in sys.modules"
    )
    pytester.runpytest_subprocess("-k", "no_torch").assert_outcomes(passed=1, deselected=2)


def test_collecting_the_whole_bench_imports_no_torch():
    import subprocess
    import sys

    code = "import pytest, sys; pytest.main(['bench', '--collect-only', '-q']); print('torch' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "tests collected" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
