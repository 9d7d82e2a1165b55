import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.families import IMAGENET_BLOCKS, Model, has_models_between, parse_model
from harness.errors import InputError
from harness.models.resnet import blocks_of, channels_of

GRAMMAR = re.compile(r"resnet(0|[1-9][0-9]*)(-(0|[1-9][0-9]*)(\.[0-9]*[1-9])?)?")

basic_depths = st.integers(1, 2000).map(lambda n: 6 * n + 2)
depths = st.one_of(basic_depths, st.sampled_from(sorted(IMAGENET_BLOCKS)))
widths = st.integers(1, 1000)


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
        ("resnet21", "20 and 26"),
        ("resnet22", "20 and 26"),
        ("resnet25", "20 and 26"),
        ("resnet2", "8 and 14"),
        ("resnet0", "8 and 14"),
        ("resnet7", "8 and 14"),
        ("resnet18", "14 and 20"),
        ("resnet34", "32 and 38"),
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
        ("vgg16", "resnet20"),
        ("resnet20\nresnet56\nresnet110", "resnet20"),
    ],
)
def test_a_wrong_name_is_an_error_with_a_right_name(name, right):
    message = error_of(name)

    assert repr(name) in message
    assert right in message.replace(repr(name), "")
    assert len(message.splitlines()) <= 2


@pytest.mark.parametrize("depth", [0, 2, 7, 9, 21, 34, 49, 51, 100, 103, 149, 153])
def test_every_depth_that_the_error_offers_exists(depth):
    hint = error_of(f"resnet{depth}").split("depths are 6n+2", 1)[1]
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
        st.text(alphabet="resnt0123456789-", max_size=14),
        st.text(alphabet="0123456789-", max_size=12).map("resnet{}".format),
        st.text(alphabet="0123456789- \n\u2028\x85é+_", max_size=6).map("resnet20{}".format),
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
    assert model.width > 0
    assert model.depth in IMAGENET_BLOCKS or (model.depth >= 8 and model.depth % 6 == 2)
    assert parse_model(model.name) == model


@pytest.mark.parametrize(
    ("first", "second", "has_some"),
    [
        ("resnet20", "resnet20-2", True), ("resnet20-4", "resnet20-2", True),
        ("resnet20", "resnet26", False), ("resnet20", "resnet32", True),
        ("resnet24", "resnet50", False), ("resnet24-2", "resnet101-2", True),
    ],
)  # fmt: skip
def test_models_between_two_can_be_built_or_not(first, second, has_some):
    assert has_models_between(parse_model(first), parse_model(second)) is has_some
