"""The check of compiled networks, seen to fail."""

import pytest

from harness.hardware.device import resolve_precision
from harness.throughput.doctor import compilation
from harness.throughput.doctor.compilation import compiled_equals_eager
from harness.training.compile_gain import known_gain, remember_gain
from harness.training.trainers import fast
from tests.helpers.disturbances import busy, use_meter
from tests.helpers.tiny import CPU

PRECISION = resolve_precision("auto", CPU)


@pytest.fixture(autouse=True)
def compiler(monkeypatch, subject):
    """A compiler that takes no time, and steps of which compiled ones are 1.5 times as fast."""
    monkeypatch.setattr(compilation, "DEFAULT_SUBJECT", (subject.case.dataset, subject.case.model))
    monkeypatch.setattr(compilation, "why_not_compilable", lambda device: None)
    monkeypatch.setattr(compilation, "step_seconds", lambda subject, trainers: [2.0, 3.0])
    monkeypatch.setattr(fast, "compile_network", lambda network, model: lambda batch: network(batch))


def test_a_compiled_network_equal_to_an_eager_one_passes(subject):
    outcome = compiled_equals_eager(subject)
    assert outcome.status == "passed"
    assert "1.50 × as fast" in outcome.text
    assert known_gain(CPU, PRECISION) == 1.5


def test_a_gain_of_another_model_is_not_remembered(subject, monkeypatch):
    monkeypatch.setattr(compilation, "DEFAULT_SUBJECT", ("cifar10", "resnet20"))
    remember_gain(CPU, PRECISION, 1.2)
    assert "1.50 × as fast" in (text := compiled_equals_eager(subject).text)
    assert "not remembered: only the default model's decides" in text
    assert known_gain(CPU, PRECISION) == 1.2


def test_a_machine_without_compiler_is_not_applicable(subject, monkeypatch):
    monkeypatch.setattr(compilation, "why_not_compilable", lambda device: "no C++ compiler")
    outcome = compiled_equals_eager(subject)
    assert (outcome.status, outcome.text) == ("not_applicable", "torch.compile does not work here: no C++ compiler")


def test_a_gain_measured_in_a_disturbed_time_is_not_remembered(subject, monkeypatch):
    use_meter(monkeypatch, busy())
    assert "not remembered" in compiled_equals_eager(subject).text
    assert known_gain(CPU, PRECISION) is None


def test_a_compiled_network_that_computes_something_else_fails(subject, monkeypatch):
    monkeypatch.setattr(fast, "compile_network", lambda network, model: lambda batch: network(batch) * 1.5)
    monkeypatch.setattr(fast, "verify", lambda trainer, batches: None)
    remember_gain(CPU, PRECISION, 1.2)
    assert compiled_equals_eager(subject).status == "failed"
    assert known_gain(CPU, PRECISION) is None


def test_a_compiled_network_that_is_switched_off_raises_the_reason(subject, monkeypatch):
    monkeypatch.setattr(fast, "compile_network", lambda network, model: lambda batch: network(batch) * 1.5)
    remember_gain(CPU, PRECISION, 1.2)
    with pytest.raises(RuntimeError, match="compile was switched off: its step differs"):
        compiled_equals_eager(subject)
    assert known_gain(CPU, PRECISION) is None
