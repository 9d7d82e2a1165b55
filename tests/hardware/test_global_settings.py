"""Whatever a process has set in torch, a case has the same weights, and the settings are restored."""

import os
import re
import warnings

import pytest
import torch

from harness.errors import InputError
from harness.hardware.device import autocast, computing_at, resolve_precision
from tests.helpers.tiny import CPU

BACKENDS = torch.backends
SETTINGS = {
    "matmul medium": lambda: torch.set_float32_matmul_precision("medium"),
    "matmul high": lambda: torch.set_float32_matmul_precision("high"),
    "mkldnn conv": lambda: setattr(BACKENDS.mkldnn.conv, "fp32_precision", "bf16"),
    "mkldnn matmul": lambda: setattr(BACKENDS.mkldnn.matmul, "fp32_precision", "bf16"),
    "mkldnn rnn": lambda: setattr(BACKENDS.mkldnn.rnn, "fp32_precision", "bf16"),
    "mkldnn all": lambda: BACKENDS.mkldnn.set_flags(True, _fp32_precision="bf16"),
    "mkldnn off": lambda: setattr(BACKENDS.mkldnn, "enabled", False),
    "mkldnn deterministic": lambda: setattr(BACKENDS.mkldnn, "deterministic", True),
    "all bf16": lambda: setattr(BACKENDS, "fp32_precision", "bf16"),
    "all tf32": lambda: setattr(BACKENDS, "fp32_precision", "tf32"),
    "all ieee": lambda: setattr(BACKENDS, "fp32_precision", "ieee"),
    "cublas tf32": lambda: setattr(BACKENDS.cuda.matmul, "fp32_precision", "tf32"),
    "cublas tf32, older": lambda: setattr(BACKENDS.cuda.matmul, "allow_tf32", True),
    "cublas reduction": lambda: setattr(BACKENDS.cuda.matmul, "allow_bf16_reduced_precision_reduction", False),
    "cudnn conv": lambda: setattr(BACKENDS.cudnn.conv, "fp32_precision", "ieee"),
    "cudnn all": lambda: setattr(BACKENDS.cudnn, "fp32_precision", "ieee"),
    "cudnn ieee, older": lambda: setattr(BACKENDS.cudnn, "allow_tf32", False),
    "cudnn off": lambda: setattr(BACKENDS.cudnn, "enabled", False),
    "cudnn benchmark": lambda: setattr(BACKENDS.cudnn, "benchmark", True),
    "cudnn deterministic": lambda: setattr(BACKENDS.cudnn, "deterministic", True),
    "autocast cpu": lambda: torch.set_autocast_enabled("cpu", True),
    "autocast cuda": lambda: torch.set_autocast_enabled("cuda", True),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
}
OPERATIONS = [(BACKENDS.mkldnn, "conv"), (BACKENDS.mkldnn, "matmul"), (BACKENDS.mkldnn, "rnn"),
              (BACKENDS.cuda, "matmul"), (BACKENDS.cudnn, "conv"), (BACKENDS.cudnn, "rnn")]  # fmt: skip
OLDER = [torch.get_float32_matmul_precision, lambda: BACKENDS.cuda.matmul.allow_tf32, lambda: BACKENDS.cudnn.allow_tf32]


def reading(read):
    try:
        return read()
    except RuntimeError:  # the older and the newer settings contradict each other
        return "contradictory"


def all_settings():
    return (
        [backend.fp32_precision for backend in (BACKENDS, BACKENDS.cudnn, BACKENDS.mkldnn)],
        [getattr(backend, name).fp32_precision for backend, name in OPERATIONS],
        [reading(read) for read in OLDER],
        [getattr(BACKENDS.mkldnn, name) for name in ("enabled", "deterministic")],
        [getattr(BACKENDS.cudnn, name) for name in ("enabled", "benchmark", "deterministic")],
        BACKENDS.cuda.matmul.allow_bf16_reduced_precision_reduction,
        [torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda")],
        torch.get_deterministic_debug_mode(),
    )


@pytest.fixture(autouse=True)
def process_settings():
    """torch's own settings before each test and after it."""
    defaults = all_settings()
    yield
    BACKENDS.fp32_precision = "none"
    for backend in (BACKENDS.cudnn, BACKENDS.mkldnn):
        torch._C._set_fp32_precision_setter("cuda" if backend is BACKENDS.cudnn else "mkldnn", "all", "none")
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = True
    for (backend, name), value in zip(OPERATIONS, defaults[1], strict=True):
        getattr(backend, name).fp32_precision = value
    BACKENDS.mkldnn.enabled, BACKENDS.mkldnn.deterministic = True, False
    BACKENDS.cudnn.enabled, BACKENDS.cudnn.benchmark, BACKENDS.cudnn.deterministic = True, False, False
    BACKENDS.cuda.matmul.allow_bf16_reduced_precision_reduction = True
    for kind in ("cpu", "cuda"):
        torch.set_autocast_enabled(kind, False)
    torch.use_deterministic_algorithms(False)
    assert all_settings() == defaults


def weights_after_a_step(precision="fp32"):
    """The weights of a convolution and a linear layer, both wide enough for oneDNN, after a step."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 16, 12, 12, generator=generator)
    kernel = torch.randn(32, 16, 3, 3, generator=generator, requires_grad=True)
    matrix = torch.randn(10, 3200, generator=generator, requires_grad=True)
    with computing_at(precision):
        with autocast(precision, CPU):
            found = torch.nn.functional.conv2d(images, kernel).relu().flatten(1) @ matrix.T
        found.float().logsumexp(1).sum().backward()
    return torch.cat([(one - one.grad).detach().flatten() for one in (kernel, matrix)])


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_of_the_process_change_no_weight(name):
    expected = weights_after_a_step()
    SETTINGS[name]()
    before = all_settings()
    assert torch.equal(weights_after_a_step(), expected)
    assert all_settings() == before


@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("name", [None, *SETTINGS])
def test_torch_can_read_its_older_settings_within_a_training(name, precision):
    if name:
        SETTINGS[name]()
    before = all_settings()
    with computing_at(precision):
        assert [read() for read in OLDER] == (
            ["high", True, True] if precision == "tf32" else ["highest", False, False]
        )
        within = all_settings()
        with computing_at("fp32"):
            pass
        assert all_settings() == within
    assert all_settings() == before


def test_an_inherited_precision_is_still_inherited_afterwards():
    BACKENDS.mkldnn.set_flags(True, _fp32_precision="bf16")
    with computing_at("fp32"):
        assert BACKENDS.mkldnn.matmul.fp32_precision == "ieee"
    BACKENDS.mkldnn.set_flags(True, _fp32_precision="ieee")
    assert BACKENDS.mkldnn.matmul.fp32_precision == "ieee"


def test_deterministic_kernels_are_chosen_within_the_training_only(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    before = all_settings()
    with computing_at("fp32", deterministic=True):
        assert BACKENDS.cudnn.deterministic
        assert torch.get_deterministic_debug_mode() == 1
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert all_settings() == before


def test_an_undetermined_operation_warns_once_where_warnings_are_errors(monkeypatch):
    warnings.simplefilter("error")
    before, shown = [*warnings.filters], []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    for _ in range(3):
        with computing_at("fp32", deterministic=True):
            torch.zeros(4).put_(torch.tensor([0]), torch.ones(1))
    assert len(shown) == 1
    assert shown[0].startswith("put_ does not have a deterministic implementation")
    assert warnings.filters == before


DEFAULTS = {
    "set_default_dtype": (torch.float64, torch.float32),
    "set_default_device": ("meta", "cpu"),
    "set_grad_enabled": (False, True),
    "set_flush_denormal": (True, False),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_changed_defaults_of_torch_are_refused(name):
    (unusual, usual), change = DEFAULTS[name], getattr(torch, name)
    change(unusual)
    try:
        with pytest.raises(InputError, match=re.escape(f"call torch.{name}({usual!r}) before it")):
            resolve_precision("fp32", CPU)
    finally:
        change(None if name == "set_default_device" else usual)
    assert resolve_precision("fp32", CPU) == "fp32"
