"""A matrix of mutations: changed files, a run on an old results folder, and what becomes of the stored result.

Each run is a real pytest with a copy of the package: slow, so it has a mark of its own.
"""

import compileall
import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from harness.text import MOST_NAMED, listed
from harness.training.code_version import code_hashes
from tests.helpers import REPOSITORY

pytestmark = pytest.mark.mutations

BENCH = """
from dataclasses import replace
import pytest
from harness.config.recipes import DIGITS
@pytest.mark.experiment("digits", models=["resnet8"], recipe=replace(DIGITS, epochs=1, milestones=(), batch_size=256))
def test_digits(trained):
    assert trained.is_complete
"""
# A semantic change to each file of the training code: a text in it, and its replacement.
MUTATIONS = {
    "config/built_in.py": ("24: (3, 3, 3, 3)", "24: (3, 3, 3, 2)"),
    "config/families.py": ("OPERATIONS_PER_MAC = 6", "OPERATIONS_PER_MAC = 7"),
    "config/library_names.py": ("(161,), width=1.5", "(161,), width=1"),
    "config/recipe.py": ("self.gamma**passed", "self.gamma**passed / 2"),
    "data/augment.py": ("return normalise(_of_one_size", "return 2 * normalise(_of_one_size"),
    "data/augment_parameters.py": ("image_size - side + 1", "image_size - side"),
    "data/augment_rotate_first.py": ("_SIDE_STEP = 32", "_SIDE_STEP = 16"),
    "data/decoding.py": ("3: Image.Transpose.ROTATE_180", "3: Image.Transpose.ROTATE_90"),
    "data/images.py": ("_SOURCE_SIZE = 32", "_SOURCE_SIZE = 33"),
    "data/pixel_operations.py": (".div_(255)", ".div_(256)"),
    "data/split.py": ("SPLIT_SEED = 0", "SPLIT_SEED = 1"),
    "hardware/device.py": ("_AMPERE = (8, 0)", "_AMPERE = (9, 0)"),
    "hardware/global_settings.py": ("_TF32_OPERATIONS = 3", "_TF32_OPERATIONS = 2"),
    "hardware/memory.py": ("* 1024", "* 1000"),
    "hardware/stopwatch.py": ("return self._now() - self._started", "return 2 * (self._now() - self._started)"),
    "models/__init__.py": ('"""', 'import torch\ntorch.manual_seed(7)\n"""'),
    "models/build.py": ("seed=seed, shortcut=shortcut)", "seed=0, shortcut=shortcut)"),
    "models/cost.py": ('("conv", "linear", ', '("conv", '),
    "models/foreign.py": ("_MAX_CHARACTERS = 200", "_MAX_CHARACTERS = 20"),
    "models/identity.py": ("_LENGTH = 16", "_LENGTH = 12"),
    "models/installed.py": ('"site-packages", ', ""),
    "models/library.py": ("_RGB = 3", "_RGB = 1"),
    "models/logits.py": ('("logits", "out")', '("out", "logits")'),
    "models/network_code.py": ('"\\n".join([root, *parts])', '"\\n".join(parts)'),
    "models/outer_names.py": ("one.returns = None", "one.body = []"),
    "models/plain.py": ("has_shortcut = False", "has_shortcut = True"),
    "models/preresnet.py": ("_EXPANSION = 4", "_EXPANSION = 2"),
    "models/random_state.py": ("seed % 2**32", "seed % 2**31"),
    "models/resnet.py": ("functional.relu(self.bn1(", "functional.relu6(self.bn1("),
    "models/smallest_batch.py": ("return 2", "return 3"),
    "models/stored_weights.py": ("_LENGTH_BYTES = 8", "_LENGTH_BYTES = 9"),
    "models/trial.py": ("_SIZES = (32, 40,", "_SIZES = (32,"),
    "models/wrn.py": ("_STEM_CHANNELS = 16", "_STEM_CHANNELS = 8"),
    "results/marginal_gain.py": ("final_accuracy_percent / total_seconds", "total_seconds / final_accuracy_percent"),
    "results/metrics.py": ("100 * correct / images", "99 * correct / images"),
    "training/checkpoint.py": ("_KEPT = 2", "_KEPT = 1"),
    "training/checkpoint_file.py": ("_SMALL = 2**16", "_SMALL = 2**15"),
    "training/history.py": ("return max(self.records", "return min(self.records"),
    "training/job.py": ("def require_trainable(", "RAISED = 1\n\n\ndef require_trainable("),
    "training/process_group.py": ("_STEP_TIMEOUT = timedelta(minutes=10)", "_STEP_TIMEOUT = timedelta(minutes=1)"),
    "training/result_builder.py": ("max(attempt.peak_memory_bytes", "min(attempt.peak_memory_bytes"),
    "training/resume.py": ("len(kept.records)", "len(kept.attempts)"),
    "training/reuse.py": ("if not accept_other_code and", "if accept_other_code and"),
    "training/run.py": ("epoch=epoch + 1,", "epoch=epoch + 2,"),
    "training/train.py": ("    history.update_attempt()", "    history.records.pop()\n    history.update_attempt()"),
    "training/trainers/__init__.py": ("return trainers[case.pipeline]", 'return trainers["reference"]'),
    "training/trainers/compilation.py": ("_MIN_GAIN = 1.05", "_MIN_GAIN = 1.01"),
    "training/trainers/cuda_graph.py": ("_WARM_UP_STEPS = 3", "_WARM_UP_STEPS = 1"),
    "training/trainers/data_parallel.py": ("min(start + step, count)", "min(start + step, count - 1)"),
    "training/trainers/evaluation.py": ("logits.argmax(1)", "logits.argmin(1)"),
    "training/trainers/fast.py": ("_EVALUATION_BATCH_SIZE = 500", "_EVALUATION_BATCH_SIZE = 5"),
    "training/trainers/gradient_sums.py": ("self._flags.fill_(1)", "self._flags.fill_(2)"),
    "training/trainers/reference.py": ("_MAX_WORKERS = 8", "_MAX_WORKERS = 2"),
    "training/trainers/sharding.py": ("set_gradient_divide_factor(1.0)", "set_gradient_divide_factor(2.0)"),
    "training/trainers/step_changes.py": ("[1.0] * len(rates)", "[2.0] * len(rates)"),
    "training/trainers/streaming.py": ("non_blocking=True", "non_blocking=False"),
    "training/trainers/sync_batch_norm.py": ("(0, *range(2, x.dim()))", "(*range(2, x.dim()),)"),
    "training/trainers/trainer.py": ("seed=0, shortcut=case.shortcut", "seed=1, shortcut=case.shortcut"),
    "training/trainers/verification.py": ("Difference(0.06, 0.5)", "Difference(0.6, 0.5)"),
}  # fmt: skip
# Values that a case carries: a changed one makes another case, which is trained.
VALUES = {
    "config/recipes.py": ("learning_rate=0.05", "learning_rate=0.06"),
    "data/formats/digits.py": ("_GREY_LEVELS = 16", "_GREY_LEVELS = 17"),
}


class Package:
    """A copy of the package, with a bench file and the result of its one case."""

    def __init__(self, folder):
        self.folder, self.source = folder, folder / "harness"
        shutil.copytree(REPOSITORY / "harness", self.source, ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(self.source, quiet=1)  # once: the runs write no bytecode
        (folder / "test_bench.py").write_text(BENCH, encoding="utf-8")
        self.original = self.run()
        assert self.original.returncode == 0, self.original.stdout

    def run(self, *arguments):
        """Run pytest with the copy."""
        command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-p", "no:cacheprovider", "test_bench.py"]
        variables = {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [*command, "--full-training", "--device", "cpu", *arguments],
            cwd=self.folder, env=os.environ | variables, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    def results(self):
        return {path: path.read_bytes() for path in self.folder.glob("results/*/result.json")}

    @contextlib.contextmanager
    def changed(self, name, old, new):
        """Inside the block, replace the first such text of a file."""
        path = self.source / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return Package(tmp_path_factory.mktemp("package"))


def test_every_file_of_the_training_code_has_a_mutation():
    assert MUTATIONS.keys() == code_hashes().keys()


NAMED_TOGETHER = [sorted(MUTATIONS)[start : start + MOST_NAMED] for start in range(0, len(MUTATIONS), MOST_NAMED)]


@pytest.mark.parametrize(
    "names",
    # At each change every sixth group is tried.
    [
        pytest.param(names, marks=[] if place % 6 == 0 else pytest.mark.release, id=" ".join(names))
        for place, names in enumerate(NAMED_TOGETHER)
    ],
)
def test_mutations_are_found_by_a_run_on_an_old_results_folder(package, names):
    """As many as one message names; test_code_version.py has each file alone."""
    before = package.results()
    with contextlib.ExitStack() as changes:
        for name in names:
            changes.enter_context(package.changed(name, *MUTATIONS[name]))
        run = package.run()
    assert run.returncode != 0, run.stdout
    assert "passed" not in run.stdout
    assert f"which differs in {listed(names)}\n" in run.stderr
    assert package.results() == before


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_a_case_carries_makes_another_case(package, name):
    before = package.results()
    with package.changed(name, *VALUES[name]):
        run = package.run()
    assert run.returncode == 0, run.stdout
    (added,) = package.results().keys() - before.keys()
    assert "reused" not in run.stdout
    shutil.rmtree(added.parent)


def test_a_comment_in_every_file_costs_no_training(package):
    before = package.results()
    for path in package.source.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(f"# a comment\n{text}\n# and another\n", encoding="utf-8")
    run = package.run()
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 of 1 result reused, not trained now" in " ".join(run.stdout.split())
    assert package.results() == before
