import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck as TorchvisionBottleneck
from torchvision.models.resnet import ResNet as TorchvisionResNet

from harness.config.families import parse_model
from harness.models.build import build_network
from harness.models.resnet import BasicBlock, SubsampleAndPad
from harness.models.smallest_batch import smallest_batch

CIFAR_PARAMETERS = {
    "resnet20": 269_722,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet20-2": 1_073_962,
    "resnet20-4": 4_286_026,
    "resnet20-8": 17_124_490,
}
GTSRB_PARAMETERS = {
    "resnet24": 19_964_523,
    "resnet50": 23_596_139,
    "resnet101": 42_588_267,
    "resnet24-2": 79_578_283,
    "resnet24-4": 317_753_643,
}


def build(name, in_channels=3, num_classes=10, *, seed=0, shortcut="A", device="cpu"):
    return build_network(parse_model(name), in_channels, num_classes, seed=seed, shortcut=shortcut, device=device)


def parameters_of(name, in_channels, num_classes, shortcut="A"):
    network = build(name, in_channels, num_classes, shortcut=shortcut, device="meta")
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "parameters"), CIFAR_PARAMETERS.items())
def test_cifar10_models_have_the_papers_parameters(name, parameters):
    assert parameters_of(name, 3, 10) == parameters


@pytest.mark.parametrize(("name", "parameters"), CIFAR_PARAMETERS.items())
def test_fashionmnist_models_have_288_per_width_fewer(name, parameters):
    assert parameters_of(name, 1, 10) == parameters - 288 * parse_model(name).width


@pytest.mark.parametrize(("name", "parameters"), GTSRB_PARAMETERS.items())
def test_gtsrb_models_have_the_papers_parameters(name, parameters):
    assert parameters_of(name, 3, 43) == parameters


def test_option_b_adds_two_projections_with_batch_normalisation():
    # 16·32 + 2·32 and 32·64 + 2·64
    assert parameters_of("resnet20", 3, 10, "B") - parameters_of("resnet20", 3, 10, "A") == 576 + 2176


def test_bottleneck_blocks_always_have_option_b():
    assert parameters_of("resnet50", 3, 43, "A") == parameters_of("resnet50", 3, 43, "B") == 23_596_139


def torchvisions(name):
    if name == "resnet24":
        return TorchvisionResNet(TorchvisionBottleneck, [3, 3, 3, 3], num_classes=43)
    return getattr(torchvision.models, name)(weights=None, num_classes=43)


@pytest.mark.parametrize("name", ["resnet24", "resnet50", "resnet101", "resnet152"])
def test_torchvisions_weights_load_and_give_torchvisions_outputs(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        theirs = torchvisions(name)
        images = torch.randn(2, 3, 64, 64)
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.data.uniform_(0.5, 1.0)
                module.bias.data.normal_(0, 0.1)
    ours = build(name, 3, 43)
    ours.load_state_dict(theirs.state_dict())

    with torch.no_grad():
        expected, found = theirs.eval()(images), ours.eval()(images)

    assert expected.std() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_every_parameter_of_resnet50_has_torchvisions_name_and_shape():
    with torch.device("meta"):
        theirs = torchvision.models.resnet50(weights=None, num_classes=43).state_dict()
    ours = build("resnet50", 3, 43, device="meta").state_dict()

    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in theirs.items()}


@pytest.mark.parametrize("planes", [32, 64, 128])
def test_option_a_is_the_papers_lambda(planes):
    x = torch.randn(2, planes // 2, 8, 8, generator=torch.Generator().manual_seed(0))
    paper = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, planes // 4, planes // 4), "constant", 0)

    assert torch.equal(SubsampleAndPad(2, planes - planes // 2)(x), paper)


def test_option_a_pads_the_channels_on_both_sides():
    x = torch.arange(2 * 9, dtype=torch.float32).reshape(1, 2, 3, 3)

    out = SubsampleAndPad(2, 2)(x)

    assert out.tolist() == [[[[0, 0], [0, 0]], [[0, 2], [6, 8]], [[9, 11], [15, 17]], [[0, 0], [0, 0]]]]


@pytest.mark.parametrize("name", ["resnet20", "resnet20-4"])
def test_option_a_is_only_in_the_first_block_of_stages_2_and_3(name):
    network = build(name, device="meta")
    shortcuts = {
        path: block.downsample
        for path, block in network.named_modules()
        if isinstance(block, BasicBlock) and block.downsample is not None
    }

    assert list(shortcuts) == ["layer2.0", "layer3.0"]
    for shortcut in shortcuts.values():
        assert isinstance(shortcut, SubsampleAndPad)
        assert list(shortcut.parameters()) == list(shortcut.buffers()) == []


def test_option_b_is_a_strided_1x1_convolution_and_batch_norm():
    network = build("resnet20", shortcut="B", device="meta")

    for path, in_channels, out_channels in (("layer2.0", 16, 32), ("layer3.0", 32, 64)):
        convolution, normalisation = network.get_submodule(path).downsample
        assert isinstance(convolution, nn.Conv2d)
        assert (convolution.in_channels, convolution.out_channels) == (in_channels, out_channels)
        assert (convolution.kernel_size, convolution.stride, convolution.bias) == ((1, 1), (2, 2), None)
        assert isinstance(normalisation, nn.BatchNorm2d)
        assert normalisation.num_features == out_channels


def test_a_basic_block_with_option_a_computes_its_formula():
    torch_generator = torch.Generator().manual_seed(1)
    block = build("resnet8").layer2[0].eval()
    x = torch.randn(2, 16, 7, 7, generator=torch_generator)

    main = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(x)))))
    expected = torch.relu(main + functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 8, 8)))

    torch.testing.assert_close(block(x.clone()), expected)


def test_the_width_coefficient_widens_the_stem_too():
    assert build("resnet20-4", device="meta").conv1.out_channels == 64
    assert build("resnet24-2", device="meta").conv1.out_channels == 128


def test_the_imagenet_stem_halves_twice_and_the_cifar_stem_never():
    imagenet, cifar = build("resnet24", device="meta"), build("resnet20", device="meta")

    assert (imagenet.conv1.kernel_size, imagenet.conv1.stride) == ((7, 7), (2, 2))
    assert (imagenet.maxpool.kernel_size, imagenet.maxpool.stride, imagenet.maxpool.padding) == (3, 2, 1)
    assert (cifar.conv1.kernel_size, cifar.conv1.stride) == ((3, 3), (1, 1))
    assert isinstance(cifar.maxpool, nn.Identity)


@pytest.mark.parametrize("name", ["resnet24", "resnet50"])
def test_a_bottleneck_carries_its_stride_in_the_3x3_convolution(name):
    block = build(name, device="meta").layer2[0]

    assert [convolution.stride for convolution in (block.conv1, block.conv2, block.conv3)] == [(1, 1), (2, 2), (1, 1)]
    assert [convolution.kernel_size for convolution in (block.conv1, block.conv2, block.conv3)] == [
        (1, 1),
        (3, 3),
        (1, 1),
    ]


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("resnet8", 8),
        ("resnet20", 20),
        ("resnet20-8", 20),
        ("resnet56", 56),
        ("resnet110", 110),
        ("resnet24", 38),  # the paper's own name
        ("resnet50", 50),
        ("resnet101", 101),
        ("resnet152", 152),
    ],
)
def test_the_main_path_has_as_many_layers_as_the_depth(name, layers):
    main_path = [
        path
        for path, module in build(name, device="meta").named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and "downsample" not in path
    ]

    assert len(main_path) == layers


def test_no_convolution_has_a_bias():
    for name in ("resnet20", "resnet24"):
        for module in build(name, shortcut="B", device="meta").modules():
            assert not isinstance(module, nn.Conv2d) or module.bias is None


@given(
    name=st.sampled_from(["resnet8", "resnet14-3", "resnet20", "resnet24", "resnet50-2"]),
    shortcut=st.sampled_from("AB"),
    in_channels=st.integers(1, 12),
    num_classes=st.integers(1, 1000),
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    count=st.integers(1, 5),
)
@settings(deadline=None, max_examples=40)
def test_images_of_any_size_channels_and_classes_give_logits(
    name, shortcut, in_channels, num_classes, height, width, count
):
    network = build(name, in_channels, num_classes, shortcut=shortcut, device="meta").eval()

    logits = network(torch.empty(count, in_channels, height, width, device="meta"))

    assert logits.shape == (count, num_classes)


@pytest.mark.parametrize(
    ("name", "shortcut", "size"),
    [
        ("resnet20", "A", 16),
        ("resnet20", "B", 16),
        ("resnet56", "A", 8),
        ("resnet20-2", "A", 16),
        ("resnet24", "A", 64),
    ],
)
def test_gradient_reaches_every_parameter(name, shortcut, size):
    network = build(name, shortcut=shortcut)
    images = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(0))

    functional.cross_entropy(network(images), torch.tensor([0, 1, 2, 3])).backward()

    unreached = [path for path, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert unreached == []


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    ("name", "shortcut", "size"), [("resnet20", "A", 32), ("resnet20", "B", 15), ("resnet24", "A", 65)]
)
def test_channels_last_gives_the_same_output(name, shortcut, size, training):
    images = torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(0))
    network = build(name, shortcut=shortcut).train(training)
    with torch.no_grad():
        expected = network(images)
    other = build(name, shortcut=shortcut).train(training).to(memory_format=torch.channels_last)
    with torch.no_grad():
        found = other(images.to(memory_format=torch.channels_last))

    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_the_input_is_not_changed():
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    kept = images.clone()
    build("resnet8")(images)

    assert torch.equal(images, kept)


@pytest.mark.parametrize(("name", "size"), [("resnet8", 4), ("resnet8", 5), ("resnet24", 32), ("resnet24", 33)])
def test_the_smallest_batch_is_the_one_that_batchnorm_accepts(name, size):
    smallest = smallest_batch(parse_model(name), (3, size, size), 10)
    network = build(name).train()
    network(torch.zeros(smallest, 3, size, size))
    if smallest > 1:
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            network(torch.zeros(smallest - 1, 3, size, size))
