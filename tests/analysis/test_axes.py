import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.axes import Axes, find_axes
from harness.config.families import parse_model
from harness.paper.published import STUDY_MODELS


def axes_of(names):
    return find_axes(map(parse_model, names))


CIFAR = axes_of(STUDY_MODELS["cifar10"])


def test_axes_and_counterparts_of_the_paper():
    assert CIFAR == Axes("resnet20", ("resnet56", "resnet110"), ("resnet20-2", "resnet20-4", "resnet20-8"))
    assert axes_of(STUDY_MODELS["fashionmnist"]) == CIFAR
    assert CIFAR.counterparts == [("resnet20-2", "resnet56"), ("resnet20-4", "resnet110")]
    gtsrb = axes_of(STUDY_MODELS["gtsrb"])
    assert gtsrb == Axes("resnet24", ("resnet50", "resnet101"), ("resnet24-2", "resnet24-4"))
    assert gtsrb.counterparts == [("resnet24-2", "resnet50"), ("resnet24-4", "resnet101")]


def test_axis_starts_at_the_base_and_steps_to_the_next_model():
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
        ["resnet20", "resnet24"],  # two families
        ["resnet20", "resnet56-2", "resnet110-4"],  # no two share an axis
    ],
)
def test_models_that_share_no_axis_give_none(models):
    assert axes_of(models) is None


@pytest.mark.parametrize(
    ("models", "axes", "counterparts"),
    [
        (["resnet20", "resnet56"], Axes("resnet20", ("resnet56",), ()), []),
        (["resnet20-4", "resnet20"], Axes("resnet20", (), ("resnet20-4",)), []),
        (["resnet56-2", "resnet20-2"], Axes("resnet20-2", ("resnet56-2",), ()), []),
        # the base is the model on both axes, even if it is not the shallowest
        (["resnet20", "resnet56", "resnet110", "resnet56-2"], Axes("resnet56", ("resnet110",), ("resnet56-2",)),
         [("resnet56-2", "resnet110")]),
        # the family with more models
        (["resnet20", "resnet20-2", "resnet24", "resnet50", "resnet101"],
         Axes("resnet24", ("resnet50", "resnet101"), ()), []),
        # a grid starts at its corner
        (["resnet56-2", "resnet56", "resnet20-2", "resnet20"], Axes("resnet20", ("resnet56",), ("resnet20-2",)),
         [("resnet20-2", "resnet56")]),
        # width factors are relative to the base's width
        (["resnet20-2", "resnet20-4", "resnet44-2"], Axes("resnet20-2", ("resnet44-2",), ("resnet20-4",)),
         [("resnet20-4", "resnet44-2")]),
    ],
)  # fmt: skip
def test_axes_of_unusual_sets_of_models(models, axes, counterparts):
    found = axes_of(models)
    assert found == axes
    assert found.counterparts == counterparts


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
def test_missing_model_does_not_change_other_counterparts(missing, counterparts):
    assert axes_of([model for model in STUDY_MODELS["cifar10"] if model != missing]).counterparts == counterparts


def test_nearer_of_two_depths_is_the_counterpart():
    assert axes_of([*STUDY_MODELS["cifar10"], "resnet44"]).counterparts == [
        ("resnet20-2", "resnet44"),  # 2.2 times as deep
        ("resnet20-4", "resnet110"),
    ]


MODELS = st.builds(
    lambda depth, width: f"resnet{depth}" + (f"-{width}" if width > 1 else ""),
    st.sampled_from([8, 20, 56, 110, 24, 50, 101]),
    st.integers(1, 5),
)


@given(st.lists(MODELS, max_size=10), st.randoms())
def test_axes_hold_ordered_models_that_differ_in_one_dimension(models, random):
    axes = axes_of(models)
    random.shuffle(models)
    assert axes_of(models) == axes
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
