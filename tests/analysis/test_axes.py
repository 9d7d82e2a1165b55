import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.axes import Axes, find_axes
from harness.config.families import parse_model
from harness.paper.published import STUDY

CIFAR = Axes("resnet20", ("resnet56", "resnet110"), ("resnet20-2", "resnet20-4", "resnet20-8"))


def test_the_papers_axes_and_counterparts():
    assert find_axes(STUDY["cifar10"]) == find_axes(STUDY["fashionmnist"]) == CIFAR
    assert CIFAR.counterparts == [("resnet20-2", "resnet56"), ("resnet20-4", "resnet110")]
    gtsrb = find_axes(STUDY["gtsrb"])
    assert gtsrb == Axes("resnet24", ("resnet50", "resnet101"), ("resnet24-2", "resnet24-4"))
    assert gtsrb.counterparts == [("resnet24-2", "resnet50"), ("resnet24-4", "resnet101")]


def test_an_axis_begins_with_the_base_and_steps_from_model_to_model():
    assert CIFAR.along("depth") == ("resnet20", "resnet56", "resnet110")
    assert CIFAR.steps("depth") == [("resnet20", "resnet56"), ("resnet56", "resnet110")]
    assert CIFAR.steps("width")[0] == ("resnet20", "resnet20-2")
    assert CIFAR.along("width")[1:] == CIFAR.width


@pytest.mark.parametrize(
    "models",
    [
        [],
        ["resnet20"],
        ["resnet20", "resnet20"],
        ["resnet20", "resnet24"],  # of two families
        ["resnet20", "resnet56-2", "resnet110-4"],  # each on no axis of another
    ],
)
def test_where_no_model_lies_beside_another_there_are_no_axes(models):
    assert find_axes(models) is None


@pytest.mark.parametrize(
    ("models", "axes", "counterparts"),
    [
        (["resnet20", "resnet56"], Axes("resnet20", ("resnet56",), ()), []),
        (["resnet20-4", "resnet20"], Axes("resnet20", (), ("resnet20-4",)), []),
        (["resnet56-2", "resnet20-2"], Axes("resnet20-2", ("resnet56-2",), ()), []),
        # the base is where both axes meet, though it is not the shallowest
        (["resnet20", "resnet56", "resnet110", "resnet56-2"], Axes("resnet56", ("resnet110",), ("resnet56-2",)),
         [("resnet56-2", "resnet110")]),
        # of two families the one with the more models
        (["resnet20", "resnet20-2", "resnet24", "resnet50", "resnet101"],
         Axes("resnet24", ("resnet50", "resnet101"), ()), []),
        # a grid: from its corner
        (["resnet56-2", "resnet56", "resnet20-2", "resnet20"], Axes("resnet20", ("resnet56",), ("resnet20-2",)),
         [("resnet20-2", "resnet56")]),
        # factors of width go on from the base's own
        (["resnet20-2", "resnet20-4", "resnet44-2"], Axes("resnet20-2", ("resnet44-2",), ("resnet20-4",)),
         [("resnet20-4", "resnet44-2")]),
    ],
)  # fmt: skip
def test_axes_of_odd_sets(models, axes, counterparts):
    assert find_axes(models) == axes
    assert axes.counterparts == counterparts


@pytest.mark.parametrize(
    ("missing", "counterparts"),
    [
        ("resnet56", [("resnet20-4", "resnet110")]),
        ("resnet20-2", [("resnet20-4", "resnet110")]),
        ("resnet110", [("resnet20-2", "resnet56")]),
        ("resnet20-4", [("resnet20-2", "resnet56")]),
        ("resnet20-8", CIFAR.counterparts),
    ],
)
def test_a_model_that_is_not_there_yet_shifts_no_others_counterpart(missing, counterparts):
    assert find_axes([model for model in STUDY["cifar10"] if model != missing]).counterparts == counterparts


def test_of_two_depths_the_nearer_is_the_counterpart():
    assert find_axes([*STUDY["cifar10"], "resnet44"]).counterparts == [
        ("resnet20-2", "resnet44"),  # 2.2 times as deep
        ("resnet20-4", "resnet110"),
    ]


MODELS = st.builds(
    lambda depth, width: f"resnet{depth}" + (f"-{width}" if width > 1 else ""),
    st.sampled_from([8, 20, 56, 110, 24, 50, 101]),
    st.integers(1, 5),
)


@given(st.lists(MODELS, max_size=10), st.randoms())
def test_axes_are_models_of_the_set_in_order_that_differ_from_the_base_in_one_alone(models, random):
    axes = find_axes(models)
    random.shuffle(models)
    assert find_axes(models) == axes
    if axes is None:
        return
    base, depth, width = parse_model(axes.base), *(list(map(parse_model, one)) for one in (axes.depth, axes.width))
    assert {axes.base, *axes.depth, *axes.width} <= set(models)
    assert {(one.family, one.width) for one in depth} <= {(base.family, base.width)}
    assert {(one.family, one.depth) for one in width} <= {(base.family, base.depth)}
    assert [one.depth for one in (base, *depth)] == sorted({one.depth for one in (base, *depth)})
    assert [one.width for one in (base, *width)] == sorted({one.width for one in (base, *width)})
    assert {wide for wide, _ in axes.counterparts} <= set(axes.width)
    assert len({deep for _, deep in axes.counterparts}) == len(axes.counterparts)
