import pytest

from harness.config.recipes import CIFAR10
from harness.config.standard import Standard
from harness.plugin.mark import MarkedExperiment, experiment_arguments


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
        (("digits", ["resnet8", "resnet8"]), {}, "give a list of different names"),
        (("digits", ["resnet8"]), {"epochs": 3}, "unexpected keyword argument 'epochs'"),
    ],
)
def test_a_mark_of_another_form_is_refused_with_its_form(arguments, options, reason):
    with pytest.raises(pytest.UsageError, match=reason) as refused:
        experiment_arguments(mark(*arguments, **options))
    assert "experiment(dataset, models, recipe=None, seeds=(0,), limits={}, " in str(refused.value)
