"""Fixtures of captured steps on a CPU."""

import contextlib

import pytest
import torch

from tests.helpers.captures import Generator


@pytest.fixture
def fake_cuda_state(monkeypatch):
    """The state of torch.cuda that a capture changes: current stream, generator, sync debug mode."""
    state = {"stream": "current", "generator": Generator(), "mode": "default"}
    monkeypatch.setattr(torch.cuda, "device", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: state["stream"])
    monkeypatch.setattr(torch.cuda, "set_stream", lambda stream: state.__setitem__("stream", stream))
    monkeypatch.setattr(torch.cuda, "default_generators", (state["generator"],))
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: state["mode"])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", lambda mode: state.__setitem__("mode", mode))
    return state


@pytest.fixture
def capture_with(monkeypatch, fake_cuda_state):
    """Return a function that makes trainers on the CPU capture their steps with such a stand-in."""

    def install(kind):
        monkeypatch.setattr("harness.training.trainers.fast.captured_step", lambda _: kind())
        return fake_cuda_state

    return install
