import functools
import os
import tempfile
from dataclasses import replace

import pytest
import torch

from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.config.recipes import CIFAR10, DIGITS
from harness.errors import InputError
from harness.hardware.stopwatch import Stopwatch
from harness.paper.published import STUDY_MODELS
from harness.results.folder import ResultsFolder
from harness.training.compile_gain import known_gain, remember_gain
from harness.training.train import train
from harness.training.trainers import compilation
from harness.training.trainers.compilation import (
    compile_network,
    should_compile,
    why_not_compilable,
    why_not_traceable,
)
from harness.training.trainers.fast import FastTrainer
from tests.helpers.networks import Drawing, model_with, own_model
from tests.helpers.tiny import CPU, TINY_RECIPE, TINY_SPEC, make_case
from tests.helpers.training import interrupt, outcome

MODEL = parse_model("resnet20-8")


@pytest.fixture
def compilable(monkeypatch):
    monkeypatch.setattr(compilation, "why_not_compilable", lambda _: None)


@pytest.fixture
def not_compilable(monkeypatch):
    monkeypatch.setattr(compilation, "why_not_compilable", lambda _: "no compiler")


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Return a function that remembers a gain of compiling on the CPU, in a state folder of the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    known_gain.cache_clear()
    yield functools.partial(remember_gain, CPU, "fp32")
    known_gain.cache_clear()


def decided(recipe=CIFAR10, images=50_000, model=MODEL):
    return should_compile("auto", model, SPECS["cifar10"], recipe, images, CPU, "fp32")


def test_auto_compiles_nothing_until_a_gain_is_measured(compilable, measured):
    assert not decided()
    measured(1.01)
    assert not decided()
    measured(1.2)
    assert decided()


def test_auto_decides_alike_for_all_models_of_a_study(compilable, measured):
    measured(1.2)
    assert all(decided(model=parse_model(name)) for name in STUDY_MODELS["cifar10"])
    assert decided(model=own_model(Drawing))  # one that cannot be compiled is trained without, and says so


def test_auto_does_not_compile_for_a_short_run(compilable, measured):
    measured(1.2)
    assert not decided(CIFAR10.with_epochs(1))
    assert not decided(CIFAR10.quick(), 12)


def test_without_a_compiler_auto_stays_eager_and_on_is_refused(not_compilable, measured):
    measured(1.2)
    arguments = (MODEL, SPECS["cifar10"], CIFAR10, 50_000, CPU, "fp32")
    assert not should_compile("auto", *arguments)
    assert not should_compile("off", *arguments)
    with pytest.raises(InputError, match=r"--compile on: torch.compile does not work here \(no compiler\)"):
        should_compile("on", *arguments)


def test_a_network_that_cannot_be_traced_is_refused_if_on(compilable, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("unsupported operator")

    monkeypatch.setattr(torch, "compile", refuse)
    model = own_model(Drawing)
    match = r"--compile on: torch.compile cannot compile model own: RuntimeError: unsupported operator.*\nleave out"
    with pytest.raises(InputError, match=match):
        should_compile("on", model, SPECS["digits"], DIGITS, 360, CPU, "fp32")
    assert not should_compile("off", model, SPECS["digits"], DIGITS, 360, CPU, "fp32")


def test_a_networks_hook_is_compiled_with_it():
    assert why_not_traceable(model_with(lambda self, x: {"logits": self.fc(x.mean(dim=(2, 3)))}), (1, 8, 8), 3) is None


def test_off_and_on_ignore_the_length_of_the_run(compilable):
    assert not should_compile("off", MODEL, SPECS["cifar10"], CIFAR10, 50_000, CPU, "fp32")
    assert should_compile("on", MODEL, SPECS["digits"], DIGITS.quick(), 12, CPU, "fp32")


def test_the_obstacle_to_compiling_is_one_line(monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("No working C++ compiler found\nand much more")

    monkeypatch.setattr(torch, "compile", refuse)
    assert why_not_compilable.__wrapped__(CPU) == "RuntimeError: No working C++ compiler found"


needs_compiler = pytest.mark.skipif("why_not_compilable(CPU) is not None", reason="torch.compile does not work here")


@pytest.fixture
def compiled_case(tiny_dataset):
    return make_case(tiny_dataset, compiled=True, recipe=TINY_RECIPE.with_epochs(1))


@needs_compiler
def test_compile_time_is_recorded_apart_from_the_epochs(compiled_case, tiny_dataset, results):
    compiled = train(compiled_case, tiny_dataset, results, CPU)
    eager = train(replace(compiled_case, compiled=False), tiny_dataset, results, CPU)
    assert compiled.compile_seconds > 100 * eager.compile_seconds
    assert compiled.compile_seconds + compiled.total_seconds <= compiled.wall_seconds
    assert compiled.best_accuracy_percent == pytest.approx(eager.best_accuracy_percent, abs=100 / 12)


@needs_compiler
def test_compiling_keeps_weights_statistics_and_momentum(compiled_case, tiny_dataset):
    trainer = FastTrainer(compiled_case, TINY_SPEC, CPU)
    before = [value.clone() for value in trainer._state()]
    trainer.warm_up(tiny_dataset.train)
    assert all(torch.equal(value, kept) for value, kept in zip(trainer._state(), before, strict=True))


@needs_compiler
def test_training_a_compiled_case_twice_is_bit_identical(compiled_case, tiny_dataset):
    def weights():
        trainer = FastTrainer(compiled_case, TINY_SPEC, CPU)
        trainer.warm_up(tiny_dataset.train)
        trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
        return trainer.weights()

    first, second = weights(), weights()
    assert all(torch.equal(first[name], second[name]) for name in first)


@needs_compiler
def test_resuming_a_compiled_case_is_bit_identical(tiny_dataset, tmp_path):
    case = make_case(tiny_dataset, compiled=True)
    alone, interrupted = ResultsFolder(tmp_path / "alone"), ResultsFolder(tmp_path / "interrupted")
    train(case, tiny_dataset, alone, CPU)
    interrupt(case, tiny_dataset, interrupted, 2)
    result = train(case, tiny_dataset, interrupted, CPU)
    assert outcome(case, interrupted) == outcome(case, alone)
    assert result.compile_seconds == sum(attempt.compile_seconds for attempt in result.attempts) > 0


@needs_compiler
def test_only_full_batches_run_compiled(compiled_case, tiny_dataset, monkeypatch):
    trainer, compiled = FastTrainer(compiled_case, TINY_SPEC, CPU), []
    forward = trainer._forward
    monkeypatch.setattr(trainer, "_forward", lambda batch: compiled.append(len(batch)) or forward(batch))
    trainer.warm_up(tiny_dataset.train)
    trainer.train_epoch(tiny_dataset.train, 0, Stopwatch(CPU))
    assert set(compiled) == {8}


@pytest.fixture
def no_cache_of_torch(monkeypatch, tmp_path):
    """A TMPDIR of its own, and no folder in the environment for what torch compiles."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "removed, and restored after the test")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"wider-or-deeper-{os.geteuid()}"


def test_compiled_code_is_kept_in_a_private_folder(no_cache_of_torch, monkeypatch):
    compile_network(torch.nn.Identity(), MODEL)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(no_cache_of_torch / "torchinductor")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/the/users/own")
    compile_network(torch.nn.Identity(), MODEL)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "/the/users/own"


def test_nothing_is_compiled_into_a_folder_that_is_a_link(no_cache_of_torch):
    no_cache_of_torch.symlink_to("elsewhere")
    assert "is a link of the user" in why_not_compilable.__wrapped__(CPU)
    with pytest.raises(InputError, match="is a link of the user"):
        compile_network(torch.nn.Identity(), MODEL)
    assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ
