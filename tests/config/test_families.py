import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.built_in import dropout_of
from harness.config.families import (
    IMAGENET_BLOCKS,
    Family,
    Model,
    grid_name,
    has_models_between,
    named_model,
    parse_model,
)
from harness.config.library_names import POINTS
from harness.config.recipes import CIFAR10
from harness.config.standard import Standard
from harness.errors import InputError
from harness.models.resnet import blocks_of, channels_of

GRAMMAR = re.compile(
    r"(resnet|preresnet|plain|wrn)[1-9][0-9]*(-(0|[1-9][0-9]*)(\.[0-9]*[1-9])?)?(-dropout0\.[0-9]*[1-9])?"
    r"|(torchvision|timm):[a-z0-9_]+"
)

basic_depths = st.integers(1, 2000).map(lambda n: 6 * n + 2)
depths = st.one_of(basic_depths, st.sampled_from(sorted(IMAGENET_BLOCKS)))
widths = st.integers(1, 1000)


def build_nothing(depth, width, in_channels, num_classes):
    return depth, width, in_channels, num_classes


NET = Family("mynet", build_nothing, widths=(0.5, 1, 2))


def error_of(name):
    with pytest.raises(InputError) as caught:
        parse_model(name)
    return str(caught.value)


@given(depths, widths)
@settings(deadline=None)
def test_a_name_parses_to_depth_and_width_and_back(depth, width):
    model = parse_model(f"resnet{depth}-{width}")

    assert (model.depth, model.width) == (depth, width)
    assert model.name == (f"resnet{depth}" if width == 1 else f"resnet{depth}-{width}")
    assert parse_model(model.name) == model


@given(basic_depths, widths)
@settings(deadline=None)
def test_other_depths_6n_plus_2_have_three_stages_of_n_blocks(depth, width):
    model = parse_model(f"resnet{depth}-{width}")

    if depth in (50, 152):
        assert model.family == "imagenet"
    else:
        assert model.family == "cifar"
        assert blocks_of(model) == ((depth - 2) // 6,) * 3
        assert channels_of(model) == (16 * width, 32 * width, 64 * width)


@pytest.mark.parametrize(
    ("given_name", "canonical"),
    [("resnet20-1", "resnet20"), ("resnet20", "resnet20"), ("resnet20-10", "resnet20-10"), ("resnet50-1", "resnet50")],
)
def test_canonical_names_leave_out_a_width_of_1(given_name, canonical):
    assert parse_model(given_name).name == canonical


def test_a_name_with_width_1_is_the_same_model_as_without():
    assert parse_model("resnet20-1") == parse_model("resnet20") == Model("resnet20", "cifar", 20, 1)


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("resnet24", (3, 3, 3, 3)),
        ("resnet50", (3, 4, 6, 3)),
        ("resnet101", (3, 4, 23, 3)),
        ("resnet152", (3, 8, 36, 3)),
    ],
)
def test_the_imagenet_family_has_the_published_blocks(name, blocks):
    model = parse_model(name)

    assert (model.family, blocks_of(model)) == ("imagenet", blocks)
    assert channels_of(model) == (64, 128, 256, 512)


@pytest.mark.parametrize("name", ["resnet24-2", "resnet50-2", "resnet152-2"])
def test_width_multiplies_the_imagenet_familys_channels(name):
    assert channels_of(parse_model(name)) == (128, 256, 512, 1024)


@pytest.mark.parametrize(
    ("name", "blocks"),
    [("resnet8", 1), ("resnet20", 3), ("resnet32", 5), ("resnet44", 7), ("resnet56", 9), ("resnet110", 18)],
)
def test_the_cifar_family_has_the_published_blocks(name, blocks):
    assert blocks_of(parse_model(name)) == (blocks,) * 3


def test_resnet1202_of_the_paper_exists():
    assert blocks_of(parse_model("resnet1202")) == (200, 200, 200)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("resnet21", "20 and 24"),
        ("resnet22", "20 and 24"),
        ("resnet25", "24 and 26"),
        ("resnet2", "nearest 8"),
        ("resnet0", "nearest 8"),
        ("resnet7", "nearest 8"),
        ("resnet18", "14 and 20; or torchvision:resnet18"),
        ("resnet34", "32 and 38; or torchvision:resnet34"),
        ("resnet20-0", "resnet20-2"),
        ("resnet50-0", "resnet50-2"),
        ("ResNet20", "resnet20"),
        ("RESNET20", "resnet20"),
        ("resnet20-", "resnet20-4"),
        ("resnet020", "resnet20"),
        ("resnet20-02", "resnet20-4"),
        ("resnet20-2-2", "resnet20-4"),
        ("resnet20--2", "resnet20-4"),
        ("resnet-20", "resnet20"),
        ("resnet+20", "resnet20"),
        ("resnet2_0", "resnet20"),
        ("resnet", "resnet20"),
        ("20", "resnet20"),
        ("", "resnet20"),
        (" resnet20", "resnet20"),
        ("resnet20 ", "resnet20"),
        ("resnet20\n", "resnet20"),
        ("vgg16", "give torchvision:vgg16"),
        ("mobilenetv2_050", "give timm:mobilenetv2_050"),
        ("wideresnet28-10", "wrn28-10"),
        ("wrn17-2", "16 and 22"),
        ("wrn28-0", "wrn28-2"),
        ("wrn16-8-dropout", "wrn16-8-dropout0.3"),
        ("wrn16-8-dropout0", "wrn16-8-dropout0.3"),
        ("wrn16-8-dropout1", "wrn16-8-dropout0.3"),
        ("wrn16-8-dropout0.30", "wrn16-8-dropout0.3"),
        ("resnet20-dropout0.3", "wrn16-8-dropout0.3"),
        ("preresnet12", "11 and 14"),
        ("preresnet", "preresnet20-4"),
        ("plain", "plain20-4"),
        ("plain21", "20 and 24"),
        ("torchvision:", "torchvision:resnet18"),
        ("torchvision:ResNet18", "torchvision:resnet18"),
        ("timm:resnet50.a1_in1k", "without the tag of its weights"),
        ("keras:resnet50", "torchvision:resnet18"),
        ("resnet20\nresnet56\nresnet110", "resnet20"),
    ],
)
def test_a_wrong_name_is_an_error_with_a_right_name(name, right):
    message = error_of(name)

    assert repr(name) in message
    assert right in message.replace(repr(name), "")
    assert len(message.splitlines()) <= 2


@pytest.mark.parametrize("depth", [0, 2, 7, 9, 21, 34, 49, 51, 100, 103, 149, 153, 999_999])
def test_every_depth_that_the_error_offers_exists(depth):
    hint = error_of(f"resnet{depth}").split("depths are 6n+2", 1)[1].partition("; or torchvision")[0]
    named = re.findall(r"\d+", hint)

    assert len(named) >= 10
    for other in named:
        assert parse_model(f"resnet{other}").depth == int(other)


@pytest.mark.parametrize("name", ["resnet20-0", "resnet21-0", "resnet2-0", "resnet", "resnet20-"])
def test_every_name_that_the_error_offers_exists(name):
    offered = re.findall(r"resnet\d+(?:-\d+)?", error_of(name).replace(repr(name), ""))

    for other in offered:
        assert parse_model(other).name == other


@pytest.mark.parametrize("name", ["resnet2٠", "resnet20-２", "resnet۲0", "resnet𝟚𝟘"])
def test_only_ascii_digits_are_accepted(name):
    assert "resnet20" in error_of(name)


@pytest.mark.parametrize("name", ["resnet" + "1" * 5000, "resnet20-" + "1" * 5000, "resnet" + "9" * 4300])
def test_overlong_numbers_are_refused(name):
    assert len(error_of(name).splitlines()) <= 2


@given(
    st.one_of(
        st.text(max_size=30),
        st.text(alphabet="resntplaiw0123456789-.", max_size=14),
        st.text(alphabet="0123456789-.", max_size=12).map("resnet{}".format),
        st.text(alphabet="0123456789- \n\u2028\x85é+_", max_size=6).map("resnet20{}".format),
        st.text(alphabet="0123456789-.drtoupx", max_size=8).map("wrn16-8-dropout{}".format),
        st.text(max_size=20).map("torchvision:{}".format),
    )
)
@settings(deadline=None, max_examples=500)
def test_any_text_is_a_model_of_the_grammar_or_an_input_error(text):
    try:
        model = parse_model(text)
    except InputError as error:
        message = str(error)
        assert repr(text) in message
        assert len(message.splitlines()) <= 2
        return
    assert GRAMMAR.fullmatch(text)
    assert model.width is None or model.width > 0
    assert parse_model(model.name) == model


@pytest.mark.parametrize(
    ("first", "second", "has_some"),
    [
        ("resnet20", "resnet20-2", True), ("resnet20-4", "resnet20-2", True),
        ("resnet20", "resnet26", False), ("resnet20", "resnet32", True),
        ("resnet24", "resnet50", False), ("resnet24-2", "resnet101-2", True),
        ("wrn16-8", "wrn22-8", False), ("wrn16-8", "wrn28-8", True),
        ("wrn16-8-dropout0.3", "wrn22-8-dropout0.3", False),
        ("plain50", "plain101", False), ("plain20", "plain32", True),
        ("preresnet101", "preresnet164", True), ("preresnet29", "preresnet47", False),
        ("preresnet20", "preresnet26", False),
        ("torchvision:resnet18", "torchvision:resnet34", False), ("torchvision:resnet18", "torchvision:resnet50", True),
        ("torchvision:resnet50", "torchvision:wide_resnet50_2", False),
        ("torchvision:mnasnet0_5", "torchvision:mnasnet1_0", True),
        ("torchvision:vit_b_16", "torchvision:vit_l_16", False), ("resnet20", "plain32", False),
    ],
)  # fmt: skip
def test_models_between_two_can_be_built_or_not(first, second, has_some):
    assert has_models_between(parse_model(first), parse_model(second)) is has_some


@pytest.mark.parametrize(
    ("first", "second", "has_some"),
    [
        ((1, 1), (2, 1), False),
        ((1, 1), (3, 1), True),
        ((1, 1), (1, 2), True),
    ],
)
def test_a_users_family_may_have_every_depth_and_width(first, second, has_some):
    assert has_models_between(NET(*first), NET(*second)) is has_some


fractions = st.integers(1, 10**6).map(lambda n: n / 10_000)
POINTS_OF_FAMILIES = st.one_of(
    st.tuples(st.sampled_from(["resnet", "plain", "preresnet"]), depths),
    st.tuples(st.just("preresnet"), st.integers(0, 500).map(lambda n: 18 * n + 11)),
    st.tuples(st.just("wrn"), st.integers(1, 2000).map(lambda n: 6 * n + 4)),
)


@given(
    POINTS_OF_FAMILIES.filter(lambda point: point[0] != "preresnet" or point[1] not in (24, 50, 101, 152)),
    st.one_of(widths, fractions),
    st.none() | st.integers(1, 9999).map(lambda n: f"{n / 10_000:.4f}".rstrip("0")),
)
@settings(deadline=None)
def test_every_familys_names_survive_a_round_trip(point, width, dropout):
    stem, depth = point
    end = f"-dropout{dropout}" if dropout and stem == "wrn" else ""
    model = parse_model(f"{grid_name(stem, depth, width)}{end}")

    assert (model.depth, model.width) == (depth, width)
    assert model.name == f"{grid_name(stem, depth, width)}{end}"
    assert parse_model(model.name) == model
    assert dropout_of(model.family) == (float(dropout) if end else 0)


@given(st.sampled_from(sorted(POINTS)))
@settings(deadline=None)
def test_a_library_network_keeps_its_librarys_name(name):
    model = parse_model(name)

    assert (model.name, (model.family, model.depth, model.width)) == (name, POINTS[name])


@given(st.integers(1, 10**9), st.one_of(st.integers(1, 10**9), st.floats(1e-6, 1e12)))
@settings(deadline=None)
def test_points_of_a_users_family_have_different_names(depth, width):
    model = Family("mynet", build_nothing)(depth, width)
    depth_text, _, width_text = model.name.removeprefix("mynet").partition("-")

    assert (int(depth_text), float(width_text or 1)) == (depth, width)
    assert (model.depth, model.width, model.build(3, 10)) == (depth, width, (depth, width, 3, 10))


@pytest.mark.parametrize(
    ("name", "family", "depth", "width"),
    [
        ("preresnet110", "preresnet", 110, 1),
        ("preresnet164", "preresnet-bottleneck", 164, 1),
        ("preresnet1001", "preresnet-bottleneck", 1001, 1),
        ("preresnet1202", "preresnet", 1202, 1),
        ("plain56", "plain", 56, 1),
        ("plain50", "plain-imagenet", 50, 1),
        ("wrn40-1", "wrn", 40, 1),
        ("wrn16-8", "wrn", 16, 8),
        ("wrn16-8-dropout0.3", "wrn-dropout0.3", 16, 8),
        ("torchvision:resnet18", "torchvision:resnet", 18, 1),
        ("torchvision:wide_resnet50_2", "torchvision:resnet", 50, 2),
        ("torchvision:vgg16_bn", "torchvision:vgg_bn", 16, 1),
        ("torchvision:densenet161", "torchvision:densenet", 161, 1.5),
        ("torchvision:shufflenet_v2_x0_5", "torchvision:shufflenet_v2", None, 0.5),
        ("torchvision:mnasnet0_75", "torchvision:mnasnet", None, 0.75),
        ("torchvision:vit_b_16", "torchvision:vit_b_16", None, None),
        ("timm:mobilenetv2_035", "timm:mobilenetv2", None, 0.35),
        ("timm:resnetv2_50x3_bit", "timm:resnetv2_bit", 50, 3),
    ],
)
def test_a_name_tells_family_depth_and_width(name, family, depth, width):
    model = parse_model(name)

    assert (model.family, model.depth, model.width) == (family, depth, width)


def refusal_of(make, *arguments):
    with pytest.raises(InputError) as caught:
        make(*arguments)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", ["resnet", "wrn", "torchvision", "cifar", "preresnet-bottleneck"])
def test_a_users_family_has_no_built_in_name(name):
    assert f"family {name!r}: a family of the harness has this name" in refusal_of(Family, name, build_nothing)


@pytest.mark.parametrize("name", ["", "net2", "my net", "a/b", "-net", "net_", "2net", "net.x", 3, "torchvision:x"])
def test_a_users_family_has_a_name_that_a_depth_can_follow(name):
    assert f"family {name!r}: give a name of letters" in refusal_of(Family, name, build_nothing)


def test_a_users_family_has_a_function_as_its_builder():
    assert "build is 'resnet20': give a function of depth, width" in refusal_of(Family, "mynet", "resnet20")


def test_a_familys_recipe_is_checked_and_may_be_standard():
    assert Family("mynet", build_nothing, recipe="standard")(1).recipe == Standard()
    assert Family("mynet", build_nothing, recipe=CIFAR10)(1).recipe == CIFAR10
    refused = refusal_of(lambda: Family("mynet", build_nothing, recipe="cifar10"))
    assert refused.startswith("family 'mynet': recipe 'cifar10' is not a Recipe: give e.g. harness.CIFAR10")


@pytest.mark.parametrize("depth", [0, -1, 1.5, 2.0, "3", True, None])
def test_a_depth_that_is_no_whole_number_from_1_is_refused(depth):
    assert refusal_of(NET, depth) == f"family 'mynet': depth {depth!r}: give a whole number, 1 or more"


@pytest.mark.parametrize("width", [0, -0.5, float("nan"), float("inf"), "2", True, None])
def test_a_width_that_is_no_positive_number_is_refused(width):
    assert refusal_of(NET, 1, width) == f"family 'mynet': width {width!r}: give a number above 0, e.g. 2 or 0.5"


def test_a_width_that_the_users_family_lacks_is_refused():
    assert refusal_of(NET, 1, 3) == "family 'mynet' has no width 3: give one of (0.5, 1, 2)"


def test_numbers_of_numpy_make_the_same_model():
    assert NET(np.int64(3), np.float64(2)).name == NET(3, 2).name == "mynet3-2"
    assert NET(np.int64(3), np.float32(0.5)).name == "mynet3-0.5"


@pytest.mark.parametrize("name", ["resnet20", "wrn16-8", "plain20"])
def test_a_named_network_has_no_built_in_name(name):
    assert f"model {name!r}: a network of the harness has this name" in refusal_of(named_model, name, build_nothing)


@pytest.mark.parametrize("name", ["", "a/b", "-small", "..", "torchvision:resnet18", 3])
def test_a_named_networks_name_can_be_part_of_a_file_name(name):
    assert f"model {name!r}: give a name of letters" in refusal_of(named_model, name, build_nothing)
