"""A small study with every kind of file in its results folder, and the actions on a copy of that folder.

An action is a command, run in this process: report, evaluate, plan, check and training. Each returns its exit code and
prints its answer as JSON or text, so that answers can be compared.
"""

import contextlib
import gc
import hashlib
import importlib
import io
import json
import os
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.cli.main import main
from harness.hardware import co_scheduling
from harness.report import build
from harness.results.declared_looks import DeclaredLooks, declare_looks, looks_key
from harness.results.folder import ResultsFolder
from harness.study import plan as plan_module
from harness.study.estimate import Estimate
from harness.study.rerun import Rerun
from harness.throughput.record import record
from harness.training.code_version import code_hashes
from harness.training.trainers.fast import FastTrainer
from tests.faults.forked import run_forked
from tests.throughput.recordings import ENVIRONMENT, MEASUREMENTS

DATASET = "npz:shades.npz"
RESULTS, EARLIER, REPORT, OUTSIDE = "results", "earlier", "report", "outside"
_EPOCHS, _MODELS, _SEEDS = 12, ("resnet8", "resnet8-2", "resnet14"), (0, 1)
_BENCH = f"""
from dataclasses import replace
import pytest
import harness
RECIPE = replace(harness.DIGITS, epochs={_EPOCHS}, milestones=(3, 5), batch_size=16, warmup_epochs=0)
AXES = {{"depth": ["resnet14"], "width": ["resnet8-2"]}}
@pytest.mark.experiment({DATASET!r}, models={list(_MODELS)}, recipe=RECIPE, seeds={_SEEDS}, base="resnet8", axes=AXES)
def test_shades(trained):
    assert trained.is_complete
"""
_ARGUMENTS = ("test_shades.py", "--full-training", "--device", "cpu", "--results-dir")


@dataclass(frozen=True)
class StudyFolder:
    """A folder with the study's bench file and images, its results, and the results of an earlier training of it.

    Attributes:
        intact: a copy of the results folder, never changed.
        outside: files beside the results folder, which no action may change.
        cases: the names of the cases' folders, the interrupted one last.
    """

    root: Path
    intact: Path
    cases: tuple[str, ...]

    @property
    def results(self) -> Path:
        return self.root / RESULTS

    @property
    def outside(self) -> Path:
        return self.root / OUTSIDE

    def renew(self) -> None:
        """Replace the results folder by a copy of the intact one, and empty the report folder and the others."""
        for name in (RESULTS, REPORT, OUTSIDE):
            _remove(self.root / name)
        shutil.copytree(self.intact, self.results)
        for folder in (self.root / REPORT, self.outside):
            folder.mkdir()

    def content_of_outside(self) -> dict[str, str]:
        """Return the SHA-256 of every file beside the results folder, by name."""
        return {path.name: _sha256(path) for path in sorted(self.outside.rglob("*")) if path.is_file()}


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _remove(folder):
    """Remove a folder, with the folders in it that have no rights."""
    if os.geteuid() != 0 and folder.exists():
        for path in (folder, *folder.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def make_study(root: Path) -> StudyFolder:
    """Train the study in a folder, once whole and once interrupted in its last case."""
    (root / "test_shades.py").write_text(_BENCH)
    _write_images(root / "shades.npz")
    for name in ("machine", "home"):
        (root / name).mkdir()
        (root / name).chmod(0o777)
    for folder, interrupted in ((EARLIER, False), (RESULTS, True)):
        ended = run_forked(
            lambda folder=folder, interrupted=interrupted: _train_study(folder, interrupted), root, seconds=120
        )
        assert ended.code == 2 * interrupted, ended.text
    _declare(root / RESULTS)
    (root / RESULTS).rename(root / "intact")
    cases = [path.parent for path in (root / "intact").glob("*/epochs.jsonl")]
    cases.sort(key=lambda folder: (not (folder / "result.json").exists(), folder.name))
    _import_what_actions_import(root, cases[0].name)
    code_hashes()  # kept in memory for the forked processes
    study = StudyFolder(root, root / "intact", tuple(folder.name for folder in cases))
    study.renew()
    return study


def _write_images(path):
    """Write images whose classes differ in brightness, so that a few epochs learn all of them."""
    generator = np.random.default_rng(0)

    def part(count):
        labels = np.arange(count) % 3
        return (generator.integers(0, 30, (count, 8, 8)) + 90 * labels[:, None, None]).astype(np.uint8), labels

    train, test = part(30), part(24)
    np.savez(path, train_images=train[0], train_labels=train[1], test_images=test[0], test_labels=test[1])


def _train_study(folder, interrupted):
    """Train the study's cases; the last one is interrupted in an epoch if that is asked for."""
    torch.set_num_threads(1)
    left = [_EPOCHS * len(_MODELS) * len(_SEEDS) - 3] if interrupted else [10**9]
    train_epoch = FastTrainer.train_epoch

    def counted(self, *arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return train_epoch(self, *arguments, **options)

    FastTrainer.train_epoch = counted
    _leave_out_figures(Form())
    return _pytest(folder)


def _declare(results):
    """Write the files of a results folder that this study's training does not write."""
    for measurement in MEASUREMENTS:
        record(results, measurement, ENVIRONMENT)
    declare_looks(results, {looks_key(DATASET, "full"): DeclaredLooks(_SEEDS, (1, 2))})
    rerun = Rerun(results)
    identities = [result.case.identity for result in ResultsFolder(results).read_all()[0]]
    rerun.begin(identities)
    rerun.mark_done(identities[0])


def _import_what_actions_import(root, case):
    """Import every module that the actions import, so that no forked process does."""

    def act():
        before = set(sys.modules)
        for action in ACTIONS.values():
            with contextlib.redirect_stdout(io.StringIO()):
                action(case, Form(figures=True))
        print("\n".join(sorted(set(sys.modules) - before)))
        return 0

    shutil.copytree(root / "intact", root / RESULTS)
    ended = run_forked(act, root, seconds=120)
    assert ended.code == 0, ended.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules that a library imports late
        for name in ended.output.split():
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
    gc.freeze()  # a collection in a forked process would copy all of it


@dataclass(frozen=True)
class Form:
    """The variant of an action: with JSON or text, with figures, and as a rerun; check in the other direction."""

    as_json: bool = True
    figures: bool = False
    rerun: bool = False
    reversed: bool = False


def _pytest(results, *arguments):
    os.environ |= {"COLUMNS": "1000", "HOME": str(Path.cwd() / "home")}
    co_scheduling.machine_folder = lambda: Path.cwd() / "machine"
    warnings.simplefilter("ignore", pytest.PytestWarning)  # modules are imported already
    # The last two: a collection of garbage that takes half a second, and a summary of warnings, which are errors here.
    plugins = ("harness.plugin", "no:cacheprovider", "no:unraisableexception", "no:warnings")
    return pytest.main(["-q", *(f"-p{name}" for name in plugins), *_ARGUMENTS, results, *arguments])


def _command(*arguments):
    """Run a command of the command line; return its exit code."""
    os.environ |= {"COLUMNS": "1000", "HOME": str(Path.cwd() / "home")}
    return main(arguments)


def report(case: str, form: Form) -> int:
    """Write the report; figures, which take most of the time, only if the form asks for them."""
    _leave_out_figures(form)
    code = _command("report", *["--json"] * form.as_json, "--results-dir", RESULTS, "--report-dir", REPORT)
    if code == 0:
        print("\f" + json.dumps({path.name: path.read_text() for path in sorted(Path(REPORT, "tables").glob("*.csv"))}))
    return code


def _leave_out_figures(form):
    if not form.figures:
        build.study_figures = lambda *_: []
        build.gradient_figures = lambda *_: []


def evaluate(case: str, form: Form) -> int:
    """Evaluate the case, without measuring its times of use, which differ from run to run."""
    from harness.training.inference_meter import InferenceMeter

    InferenceMeter.measure = lambda *_: ()
    return _command("evaluate", *["--json"] * form.as_json, f"{RESULTS}/{case}")


def plan(case: str, form: Form) -> int:
    """Plan the study, with times that are given instead of measured."""
    plan_module.estimate_experiment = lambda *_: Estimate(1.0, _EPOCHS)
    return _command("plan", *["--json"] * form.as_json, *_ARGUMENTS, RESULTS)


def check(case: str, form: Form) -> int:
    """Compare the results with those of the earlier training, or these with the results."""
    folders = (RESULTS, EARLIER) if form.reversed else (EARLIER, RESULTS)
    return _command("check", *["--json"] * form.as_json, *folders, "--max-epoch-time", "none")


def train(case: str, form: Form) -> int:
    """Train the study's cases that are not finished; print the outcome of each."""
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    _leave_out_figures(form)
    code = _pytest(RESULTS, *["--rerun"] * form.rerun)
    with contextlib.suppress(OSError):
        print("\f" + json.dumps(dict(sorted(map(_outcome, ResultsFolder(Path(RESULTS)).read_all()[0])))))
    return code


def _outcome(result):
    """Return the outcome of a case, which is the same after every training."""
    scores = (result.status, result.accuracy_percent, result.best_accuracy_percent, result.macro_f1_percent)
    weights = Path(RESULTS, result.case.folder_name, "weights.safetensors")
    return result.case.folder_name, [*scores, _sha256(weights) if weights.is_file() else None]


ACTIONS = {"report": report, "evaluate": evaluate, "plan": plan, "check": check, "train": train}
"""The training last, since it changes the results folder."""
