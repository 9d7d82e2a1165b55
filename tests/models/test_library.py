import sys

import pytest
import torch
import torchvision
from torch import nn

from harness.config.families import parse_model
from harness.config.library_names import POINTS
from harness.errors import InputError
from harness.extras import how_to_install
from harness.models.build import build_network

# One network of each of torchvision's architectures, with an input size that it takes.
ARCHITECTURES = {
    "alexnet": 64, "convnext_tiny": 32, "densenet121": 32, "efficientnet_b0": 32, "googlenet": 32, "inception_v3": 75,
    "maxvit_t": 224, "mnasnet0_5": 32, "mobilenet_v2": 32, "mobilenet_v3_small": 32, "regnet_y_400mf": 32,
    "resnet18": 32, "resnext50_32x4d": 32, "shufflenet_v2_x0_5": 32, "squeezenet1_1": 32, "swin_t": 32,
    "swin_v2_t": 64, "vgg11": 32, "vit_b_16": 224, "wide_resnet50_2": 32,
}  # fmt: skip
TORCHVISION = torchvision.models.list_models(module=torchvision.models)


def build(name, in_channels=3, num_classes=10, *, seed=0, device="meta"):
    return build_network(parse_model(name), in_channels, num_classes, seed=seed, device=device)


def parameters_of(network):
    return sum(parameter.numel() for parameter in network.parameters())


def first_convolution(network):
    return next(module for module in network.modules() if isinstance(module, nn.Conv2d))


@pytest.mark.parametrize(
    "name", ["resnet18", "wide_resnet50_2", "vgg11", "googlenet", "shufflenet_v2_x0_5", "vit_b_16"]
)
def test_networks_have_the_parameters_that_torchvision_publishes(name):
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]

    assert parameters_of(build(f"torchvision:{name}", num_classes=1000)) == published


@pytest.mark.parametrize(("name", "size"), ARCHITECTURES.items())
def test_every_architecture_takes_grey_images(name, size):
    network = build(f"torchvision:{name}", 1, 7)
    images = torch.zeros(2, 1, size, size, device=first_convolution(network).weight.device)

    assert first_convolution(network).in_channels == 1
    assert network.train()(images).shape == network.eval()(images).shape == (2, 7)


@pytest.mark.release  # every architecture, in its smallest size, is a test above
@pytest.mark.parametrize("name", TORCHVISION)
def test_every_network_of_torchvision_is_built(name):
    for channels in (1, 3, 4):
        assert first_convolution(build(f"torchvision:{name}", channels)).in_channels == channels


def test_a_network_has_torchvisions_own_initial_weights():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        theirs = torchvision.models.resnet18(weights=None, num_classes=7).state_dict()
    ours = build("torchvision:resnet18", num_classes=7, seed=5, device="cpu").state_dict()

    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], value) for key, value in theirs.items())


@pytest.mark.parametrize("name", ["alexnet", "resnet18"])
def test_a_convolution_for_other_channels_has_the_same_parameters(name):
    colour, grey, four = (build(f"torchvision:{name}", channels, device="cpu") for channels in (3, 1, 4))
    old, new = first_convolution(colour), first_convolution(grey)

    for attribute in ("out_channels", "kernel_size", "stride", "padding"):
        assert getattr(new, attribute) == getattr(old, attribute)
    assert torch.equal(new.weight, old.weight[:, :1])
    assert torch.equal(first_convolution(four).weight, old.weight[:, [0, 1, 2, 0]])
    assert (new.bias is None) == (old.bias is None)
    assert new.bias is None or torch.equal(new.bias, old.bias)
    assert [*grey.state_dict()] == [*colour.state_dict()]


def depths_of(library):
    return {name: depth for name, (_, depth, _) in POINTS.items() if depth and name.startswith(f"{library}:")}


def layers_of(network):
    """The convolutions and linear layers of the main path; a timm classifier may be a 1×1 convolution."""
    aside = ("downsample", ".se.")
    return [
        path
        for path, one in network.named_modules()
        if isinstance(one, nn.Conv2d | nn.Linear) and not any(part in path for part in aside)
    ]


@pytest.mark.parametrize(("name", "depth"), depths_of("torchvision").items())
def test_the_depth_in_a_torchvision_name_is_its_number_of_layers(name, depth):
    assert len(layers_of(build(name))) == depth


def test_every_point_is_a_network_of_torchvision():
    assert {name for name in POINTS if name.startswith("torchvision:")} <= {f"torchvision:{one}" for one in TORCHVISION}


def test_the_widths_in_torchvision_names_multiply_channels():
    wide = build("torchvision:wide_resnet50_2").layer1[0].conv2.out_channels
    assert wide == 2 * build("torchvision:resnet50").layer1[0].conv2.out_channels
    dense = build("torchvision:densenet161").features
    assert dense.conv0.out_channels == 1.5 * build("torchvision:densenet121").features.conv0.out_channels


@pytest.mark.parametrize(
    ("name", "right"),
    [("resnet19", "torchvision:resnet18"), ("wideresnet50_2", "torchvision:wide_resnet50_2"), ("zzz", "torchvision:")],
)
def test_an_unknown_torchvision_network_is_an_error_with_near_names(name, right):
    with pytest.raises(InputError) as refusal:
        build(f"torchvision:{name}")
    assert f"unknown model 'torchvision:{name}': torchvision has no such" in str(refusal.value)
    assert right in str(refusal.value).partition("give e.g.")[2]
    assert len(str(refusal.value).splitlines()) == 1


def test_segmentation_and_quantised_networks_are_refused():
    for name in ("fcn_resnet50", "quantized_resnet18"):
        with pytest.raises(InputError, match="torchvision has no such classification network"):
            build(f"torchvision:{name}")


def test_without_timm_the_message_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError) as refusal:
        build("timm:resnet18")
    assert str(refusal.value) == f"model timm:resnet18 needs timm, install it: {how_to_install('timm')}"


@pytest.fixture
def timm():
    return pytest.importorskip("timm")


def test_timms_resnet18_has_torchvisions_parameters(timm):
    assert parameters_of(build("timm:resnet18")) == parameters_of(build("torchvision:resnet18")) == 11_181_642
    assert build("timm:resnet18", 1).conv1.in_channels == 1


def test_every_point_is_a_network_of_timm(timm):
    assert {name for name in POINTS if name.startswith("timm:")} <= {f"timm:{one}" for one in timm.list_models()}


@pytest.mark.parametrize("name", ["timm:resnet26", "timm:resnetv2_50", "timm:wide_resnet50_2", "timm:seresnet18"])
def test_the_depth_in_a_timm_name_is_its_number_of_layers(name, timm):
    assert len(layers_of(build(name))) == POINTS[name][1]


def test_an_unknown_timm_network_is_an_error_with_near_names(timm):
    with pytest.raises(InputError, match=r"timm has no such classification network; give e\.g\. .*timm:resnet51q"):
        build("timm:resnet51")
