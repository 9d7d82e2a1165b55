from functools import partial

import pytest

from harness.config.families import Family
from harness.config.given_axes import GivenAxes
from harness.config.recipes import CIFAR10
from harness.config.standard import Standard
from harness.plugin.mark import MarkedExperiment, experiment_arguments, name_of


def mark(*arguments, **options):
    return pytest.mark.experiment(*arguments, **options).mark


def test_arguments_are_taken_by_position_and_by_name():
    expected = MarkedExperiment("digits", ("resnet8", "resnet8-2"))
    assert experiment_arguments(mark("digits", ["resnet8", "resnet8-2"])) == expected
    assert experiment_arguments(mark(models=("resnet8", "resnet8-2"), dataset="digits")) == expected


def test_a_recipe_is_passed_on_as_it_is():
    recipe = object()
    assert experiment_arguments(mark("digits", models=["resnet8"], recipe=recipe)).recipe is recipe


@pytest.mark.parametrize(
    ("options", "recipe"),
    [
        ({"recipe": "standard"}, Standard()),
        ({"augment": "none"}, Standard(augment="none")),
        ({"fit": "squash"}, Standard(fit="squash")),
        ({"recipe": "standard", "augment": "paper", "fit": "squash"}, Standard("paper", "squash")),
        ({"recipe": Standard(epochs=7), "augment": "paper"}, Standard("paper", epochs=7)),
    ],
)
def test_augment_and_fit_make_a_standard_recipe(options, recipe):
    assert experiment_arguments(mark("digits", ["resnet8"], **options)).recipe == recipe


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"augment": "papers"}, "augment 'papers': give 'none' or 'standard' or 'paper'"),
        ({"fit": "stretch"}, "fit 'stretch': give 'crop' or 'squash'"),
        ({"augment": "none", "recipe": CIFAR10}, "augment='none' is of the standard recipe: leave it out"),
        ({"fit": "crop", "recipe": CIFAR10}, "fit='crop' is of the standard recipe: leave it out"),
    ],
)
def test_wrong_augment_or_fit_is_refused(options, reason):
    with pytest.raises(pytest.UsageError, match=reason):
        experiment_arguments(mark("digits", ["resnet8"], **options))


def test_seeds_are_the_marks_or_seed_0():
    assert experiment_arguments(mark("digits", ["resnet8"])).seeds == (0,)
    assert experiment_arguments(mark("digits", ["resnet8"], seeds=[3, 0])).seeds == (3, 0)
    assert experiment_arguments(mark("digits", ["resnet8"], seeds=range(3))).seeds == (0, 1, 2)


@pytest.mark.parametrize("seeds", [[], 3, "0,1", [0, 0], [-1], [True], [1.0], [2**63]])
def test_other_seeds_are_refused_with_the_right_form(seeds):
    with pytest.raises(pytest.UsageError, match="seeds is .*: give a list of different whole numbers, 0 or more"):
        experiment_arguments(mark("digits", ["resnet8"], seeds=seeds))


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ((), {}, "missing 2 required positional arguments"),
        ((["digits"], ["resnet8"]), {}, r"dataset is \['digits'\]: give one name"),
        (("digits", []), {}, r"models is \[\]: give a list"),
        (("digits", "resnet8"), {}, "models is 'resnet8': give a list"),
        (("digits", ["resnet8", "resnet8"]), {}, "give different models"),
        (("digits", ["resnet8"]), {"epochs": 3}, "unexpected keyword argument 'epochs'"),
    ],
)
def test_a_mark_of_another_form_is_refused_with_its_form(arguments, options, reason):
    with pytest.raises(pytest.UsageError, match=reason) as refused:
        experiment_arguments(mark(*arguments, **options))
    assert "experiment(dataset, models, recipe=None, seeds=(0,), limits={}, augment=None, " in str(refused.value)


def build(depth, width, in_channels, num_classes):
    raise AssertionError("a mark builds no network")


def other(in_channels, num_classes):
    raise AssertionError("a mark builds no network")


NET = Family("mynet", build)


def with_block(block):
    return Family("mynet", partial(build, block=block))


NAMED = {"small": other, "deeper": other, "wider": other}


def test_models_are_names_and_models_of_families_alike():
    found = experiment_arguments(mark("digits", ["resnet8", NET(depth=3, width=0.5)])).models
    assert [name_of(one) for one in found] == ["resnet8", "mynet3-0.5"]
    assert len(experiment_arguments(mark("digits", [with_block("a")(1), with_block("a")(2)])).models) == 2


def test_base_and_axes_are_kept_by_their_names():
    axes = {"depth": ["deeper"], "width": ["wider"]}
    found = experiment_arguments(mark("digits", NAMED, base="small", axes=axes))
    assert found.axes == GivenAxes("small", ("deeper",), ("wider",))
    grid = experiment_arguments(mark("digits", [NET(1), NET(2)], base=NET(1), axes={"depth": [NET(2)]}))
    assert grid.axes == GivenAxes("mynet1", ("mynet2",))
    canonical = experiment_arguments(mark("digits", ["resnet8-1", "resnet14"], base="resnet8-1"))
    assert canonical.axes == GivenAxes("resnet8")


@pytest.mark.parametrize(
    ("models", "options", "reason"),
    [
        (NAMED, {"axes": {"depth": ["deeper"]}}, "axes is given without base: give .* e.g. base='small'"),
        (NAMED, {"base": "smal"}, "base has 'smal', which is not in models: give one of small, deeper, wider"),
        (NAMED, {"base": "small", "axes": {"depth": ["deep"]}}, r"axes\['depth'\] has 'deep', which is not in models"),
        (NAMED, {"base": "small", "axes": {"heigth": ["deeper"]}}, "axes is .*: give e.g. {'depth'"),
        (NAMED, {"base": "small", "axes": {"depth": "deeper"}}, "axes is .*: give e.g. {'depth'"),
        (NAMED, {"base": "small", "axes": ["deeper"]}, "axes is .*: give e.g. {'depth'"),
        (NAMED, {"base": "small", "axes": {"depth": ["deeper"], "width": ["deeper"]}}, "axes has 'deeper' twice"),
        (NAMED, {"base": "small", "axes": {"depth": ["small"]}}, "base 'small' is on an axis too"),
        ({"small": 3}, {}, r"models\['small'\] is 3: give a function \(in_channels, num_classes\)"),
        ({"small": NET(1)}, {}, r"models\['small'\] is the model mynet1: give models of a family in a list"),
        ({"a/b": other}, {}, "model 'a/b': give a name of letters, digits"),
        ({"resnet20": other}, {}, "'resnet20'.* network of the harness.*: give another name"),
        ([NET(1), "mynet1"], {}, "models has 'mynet1' twice"),
        (["resnet8", "resnet8-1"], {}, "models has 'resnet8' twice"),
        ([NET(1), Family("mynet", other)(2)], {}, "two families 'mynet' with different builders"),
        ([with_block("a")(1), with_block("b")(2)], {}, "two families 'mynet' with different builders"),
    ],
)
def test_wrong_models_and_axes_are_refused_with_the_right_ones(models, options, reason):
    with pytest.raises(pytest.UsageError, match=reason) as refused:
        experiment_arguments(mark("digits", models, **options))
    assert str(refused.value).count("\n") == 1
