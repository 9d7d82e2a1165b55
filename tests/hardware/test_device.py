import pytest
import torch

from harness.config.settings import read_settings
from harness.errors import InputError
from harness.hardware.device import (
    autocast,
    computes_bf16,
    computing_at,
    resolve_device,
    resolve_precision,
    slowness_of,
    wait_for_device,
)
from tests.helpers.tiny import TINY_SPEC

CPU = torch.device("cpu")


def test_the_cpu_is_always_available():
    assert resolve_device("cpu") == CPU


def test_auto_is_the_gpu_if_present_and_else_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == CPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert resolve_device("auto") == torch.device("cuda", 0)
    assert resolve_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(InputError, match="'cuda:2' not found: this machine has cuda:0 to cuda:1"):
        resolve_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cuda:x", "mps:1", "", "CUDA"])
def test_an_unknown_device_is_refused_with_the_known_names(name):
    with pytest.raises(InputError, match="unknown device .*: give auto, cpu, cuda, cuda:N or mps"):
        resolve_device(name)


def test_tests_train_on_the_cpu_at_float32_by_default():
    settings = read_settings({})  # of the session's environment; subprocesses inherit it
    assert (settings.device, settings.precision) == ("cpu", "fp32")


def test_an_absent_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match="'cuda' not found: this machine has cpu"):
        resolve_device("cuda")
    with pytest.raises(InputError, match="'mps' not found"):
        resolve_device("mps")


@pytest.fixture
def features(monkeypatch):
    """The features of a processor that computes bf16 in hardware; oneDNN may use all of them."""
    features = {"avx512_f": True, "avx512_bf16": True, "amx_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    for variable in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(variable, raising=False)
    return features


def test_auto_is_bf16_on_a_cpu_that_computes_it(features):
    assert resolve_precision("auto", CPU) == "bf16"
    assert resolve_precision("auto", CPU, "reference") == "fp32"
    assert slowness_of("bf16", CPU) is None
    features |= {"avx512_bf16": False, "amx_bf16": True}
    assert resolve_precision("auto", CPU) == "bf16"


def test_auto_is_fp32_on_other_cpus_and_bf16_is_noted_as_slow(features):
    features |= {"avx512_bf16": False}
    assert (resolve_precision("auto", CPU), resolve_precision("bf16", CPU)) == ("fp32", "bf16")
    assert slowness_of("bf16", CPU) == (
        "cpu does not compute bf16 in hardware: training takes 2 to 10 times as long as at fp32; give --precision fp32"
    )
    assert slowness_of("fp32", CPU) is None
    features.clear()  # a processor of another kind
    assert not computes_bf16(CPU)


@pytest.mark.parametrize(
    ("variable", "isa", "expected"),
    [
        ("ONEDNN_MAX_CPU_ISA", "AVX2", False),
        ("DNNL_MAX_CPU_ISA", "avx512_core", False),
        ("ONEDNN_MAX_CPU_ISA", "avx2_vnni_2", False),
        ("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16", True),
        ("ONEDNN_MAX_CPU_ISA", "DEFAULT", True),
        ("ONEDNN_MAX_CPU_ISA", "", True),
    ],
)
def test_bf16_counts_only_if_onednn_may_use_it(variable, isa, expected, features, monkeypatch):
    monkeypatch.setenv(variable, isa)
    assert computes_bf16(CPU) is expected


def test_bf16_counts_only_if_torch_has_onednn(features, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert not computes_bf16(CPU)


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), "fp32"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_auto_precision_on_a_gpu_is_bf16_if_supported(capability, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert resolve_precision("auto", torch.device("cuda", 0)) == expected
    assert resolve_precision("auto", torch.device("cuda", 0), "reference") == "fp32"
    assert (slowness_of("bf16", torch.device("cuda", 0)) is None) == (expected == "bf16")


@pytest.mark.parametrize(("name", "says"), [("tf32", "needs an NVIDIA GPU"), ("int8", "give one of auto, fp32")])
def test_an_unsupported_precision_is_refused(name, says):
    with pytest.raises(InputError, match=says):
        resolve_precision(name, CPU)


@pytest.mark.parametrize(("precision", "expected"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_products_are_computed_at_the_precision(precision, expected):
    with autocast(precision, CPU):
        product = torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 3, 3))
    assert product.dtype == expected


@pytest.mark.parametrize(("precision", "expected"), [("fp32", "ieee"), ("tf32", "tf32"), ("bf16", "ieee")])
def test_the_backward_pass_uses_the_precision_too(precision, expected, tiny_dataset):
    from harness.training.trainers.fast import FastTrainer
    from tests.helpers.tiny import TINY_RECIPE, make_case

    seen = {}

    class Recorded(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            seen["forward"] = torch.backends.cuda.matmul.fp32_precision
            return x.clone()

        @staticmethod
        def backward(context, gradient):
            seen["backward"] = torch.backends.cuda.matmul.fp32_precision
            return gradient

    trainer = FastTrainer(make_case(tiny_dataset, precision=precision, recipe=TINY_RECIPE), TINY_SPEC, CPU)
    trainer.network.conv1.register_forward_hook(lambda module, inputs, output: Recorded.apply(output))
    trainer.step(torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0]))
    assert seen == {"forward": expected, "backward": expected}


def test_casts_of_weights_are_not_cached():
    assert autocast("bf16", CPU)._cache_enabled is False


def test_global_settings_are_restored_after_an_error():
    setting = torch.backends.cuda.matmul
    before = setting.fp32_precision
    with pytest.raises(RuntimeError, match="inside"), computing_at("tf32"):
        assert setting.fp32_precision == "tf32"
        raise RuntimeError("inside")
    assert setting.fp32_precision == before


def test_only_the_given_device_is_waited_for(monkeypatch):
    waits = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: waits.append(str(device)))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waits.append("mps"))
    for device in ("cpu", "cuda:1", "mps"):
        wait_for_device(torch.device(device))
    assert waits == ["cuda:1", "mps"]
