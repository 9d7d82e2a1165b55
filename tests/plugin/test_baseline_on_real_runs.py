"""The guard on real trainings of the digits base with three seeds, at the default limits: some ten minutes.

Times need a machine with nothing else running. `tox -e soak -- tests/plugin` runs it; `-s` prints the verdicts.
"""

import shutil

import pytest

from tests.helpers.pytest_process import REPOSITORY, Run

TRAININGS = 20
SELECTED = ("-k", "digits and resnet8-seed", "--seeds", "0,1,2", "-p", "no:cacheprovider")

VARIANTS = {
    "gelu": """
import types
import torch.nn.functional
from harness.models import resnet
resnet.functional = types.SimpleNamespace(**vars(torch.nn.functional))
resnet.functional.relu = lambda values, inplace=False: torch.nn.functional.gelu(values)
""",
    "width": """
from harness.config.families import parse_model
from harness.models.resnet import ResNet
build = ResNet.__init__
ResNet.__init__ = lambda self, model, *others: build(self, parse_model(f"{model.name}-2"), *others)
""",
    "depth": """
from harness.config.families import parse_model
from harness.models.resnet import ResNet
build = ResNet.__init__
ResNet.__init__ = lambda self, model, *others: build(self, parse_model("resnet14"), *others)
""",
    "slow": """
import time
from harness.training.trainers.fast import FastTrainer
step = FastTrainer.step
def slowed(self, *batch):
    start = time.perf_counter()
    step(self, *batch)
    end = start + 1.3 * (time.perf_counter() - start)
    while time.perf_counter() < end:
        pass
FastTrainer.step = slowed
""",
    "inaccurate": """
from harness.config.recipe import Recipe
rate = Recipe.learning_rate_at
Recipe.learning_rate_at = lambda self, epoch: rate(self, epoch) / 10
""",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with the digits bench and the results of the base."""
    folder = tmp_path_factory.mktemp("guard")
    shutil.copy(REPOSITORY / "bench/test_digits.py", folder)
    code, said = Run(folder, *SELECTED, "--results-dir", "base").end()
    assert code == pytest.ExitCode.OK, said
    return folder


def verdict(folder, *arguments):
    """Train again in a folder; return the exit code and the lines from the guard's heading on."""
    results = f"results{len(list(folder.glob('results*')))}"
    code, said = Run(folder, *SELECTED, "--results-dir", results, "--baseline", *arguments).end()
    _, heading, lines = said.partition("compared with the baseline")
    assert heading, said
    print(f"\n{folder.name}, {results}: exit code {code}\n{lines}")
    return code, lines


@pytest.mark.soak
def test_the_base_trained_twenty_times_again_is_within_the_limits(base):
    verdicts = [verdict(base, "base") for _ in range(TRAININGS)]
    assert [lines for code, lines in verdicts if code != pytest.ExitCode.OK] == []
    assert all("5 comparisons of 1 case: within the limits" in lines for _, lines in verdicts)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("variant", "measure"),
    [
        ("gelu", "epoch time"),
        ("width", "parameters"),
        ("width", "MACs"),
        ("depth", "latency"),
        ("slow", "epoch time"),
        ("inaccurate", "accuracy"),
    ],
)
def test_a_worse_variant_is_found_with_the_measure_that_shows_it(base, tmp_path, variant, measure):
    shutil.copy(base / "test_digits.py", tmp_path)
    (tmp_path / "conftest.py").write_text(VARIANTS[variant])
    code, lines = verdict(tmp_path, str(base / "base"), "--max-latency", "+10%")
    assert code == pytest.ExitCode.TESTS_FAILED
    assert any(line.startswith(f"digits resnet8  {measure} ") for line in lines.splitlines()), lines
