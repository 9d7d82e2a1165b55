import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.config.case import Case
from harness.config.recipe import Augmentation, Recipe
from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB
from harness.errors import InputError
from tests.config.cases import (
    CASE,
    CHANGE_NAMES,
    CHANGES,
    OTHER_AUGMENTATION,
    OTHER_RECIPE,
    OTHERS,
    PLAIN,
    changed,
    names,
)
from tests.helpers import REPOSITORY


def test_the_tables_of_changes_have_every_field():
    assert list(OTHERS) == names(Case)
    assert list(OTHER_RECIPE) == names(Recipe)
    assert list(OTHER_AUGMENTATION) == names(Augmentation)


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=CHANGE_NAMES)
def test_identity_changes_with_every_field(path, value):
    other = changed(PLAIN, path, value)

    assert other != PLAIN
    assert other.identity != PLAIN.identity
    assert other.folder_name != PLAIN.folder_name


def test_cases_that_differ_in_one_field_have_different_identities():
    identities = {changed(PLAIN, path, value).identity for path, value in CHANGES} | {PLAIN.identity}

    assert len(identities) == len(CHANGES) + 1


def test_identity_is_a_sha_256():
    assert len(CASE.identity) == 64
    assert set(CASE.identity) <= set("0123456789abcdef")


def test_identity_is_the_same_in_another_process():
    code = (
        "from harness.config.case import Case; from harness.config.recipes import CIFAR10\n"
        "print(Case('resnet20-4', 'cifar10', CIFAR10, 0, 'full', 'cpu', 'fp32', '0' * 64).identity)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == CASE.identity == replace(CASE).identity


@pytest.mark.parametrize(
    ("recipe", "identity"),
    [
        (CIFAR10, "cc6dd58a5b62ced2a3acec47773627d1ccd78687cf66b8259cbf0048ac72c64c"),
        (FASHIONMNIST, "87277a68b306e44e3eb11d9dc4262c3dacfc394cfdc62cd8774d7aa1a3b760c2"),
        (GTSRB, "3f3e6ab9ad47655f0cf797a6e9fac93a52c16cb87f07a0d5577a720290324be2"),
        (DIGITS, "f34f80efd833584d821018664d7ce739df4238493e10d24a4b8546ce5be0a0c4"),
    ],
    ids=["cifar10", "fashionmnist", "gtsrb", "digits"],
)
def test_identity_is_that_of_before_fit_and_padding(recipe, identity):
    assert replace(CASE, dataset=recipe.name, recipe=recipe).identity == identity


@pytest.mark.parametrize(
    "equal",
    [
        replace(CASE, val_split=0),
        changed(CASE, ("recipe", "augmentation", "rotation_degrees"), 30.0),
        changed(CASE, ("recipe", "augmentation", "crop_scale"), (0.75, 1)),
    ],
    ids=["val_split", "rotation_degrees", "crop_scale"],
)
def test_equal_cases_have_the_same_identity(equal):
    assert equal == CASE
    assert equal.identity == CASE.identity


def test_a_share_of_the_images_is_of_the_case_only_below_one():
    assert replace(CASE, train_fraction=1.0).identity == CASE.identity
    assert replace(CASE, train_fraction=0.5).label == f"{CASE.label} fraction0.5"
    for wrong in (0, -0.1, 1.5, float("nan")):
        with pytest.raises(InputError, match="train_fraction .*: give a share of the training images, above 0 and up"):
            replace(CASE, train_fraction=wrong)


def folder_case(dataset, **changes):
    return replace(CASE, dataset=dataset, **changes)


@pytest.mark.parametrize("other", ["folder:/b/c/signs", "folder:signs", "folder:~/signs", "folder:/a/letters"])
def test_identity_does_not_depend_on_a_folders_path(other):
    assert folder_case("folder:/a/signs").identity == folder_case(other).identity


def test_identity_depends_on_a_folders_content():
    other = folder_case("folder:/a/signs", data_fingerprint="1" * 64)

    assert other.identity != folder_case("folder:/a/signs").identity
    assert other.folder_name != folder_case("folder:/a/signs").folder_name


def test_a_folder_named_cifar10_is_not_cifar10():
    assert folder_case("folder:/a/cifar10").identity != CASE.identity
    assert folder_case("folder:/a/cifar10").folder_name != CASE.folder_name


def test_a_moved_folder_keeps_its_results_folder():
    assert folder_case("folder:/b/c/signs").folder_name == folder_case("folder:/a/signs").folder_name
    assert folder_case("folder:/a/signs/").folder_name == folder_case("folder:/a/signs").folder_name


def test_folder_name_describes_the_case():
    assert CASE.folder_name == f"cifar10-resnet20-4-seed0-full-{CASE.identity[:12]}"
    signs = folder_case("folder:/a/signs", seed=3, mode="quick")
    assert signs.folder_name == f"folder-signs-resnet20-4-seed3-quick-{signs.identity[:12]}"


def assert_is_one_component(name):
    assert PurePosixPath(name).parts == (name,)
    assert name not in (".", "..")
    assert "\0" not in name
    assert not name.startswith((".", "-", "~", "/"))
    assert len(os.fsencode(name)) <= 255


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
@settings(deadline=None)
def test_folder_name_is_one_safe_component_for_any_path(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)
    assert_is_one_component(folder_case(f"folder:/{path}").folder_name)


@pytest.mark.parametrize("path", ["/", ".", "..", "../..", "~", "/a/../b", "a/b/", "/a b/ü ß", "-x", "/a/.hidden"])
def test_folder_name_is_one_safe_component_for_odd_paths(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)


@pytest.mark.parametrize("path", ["/a/" + "x" * 255, "/a/" + "ü" * 127])
def test_folder_name_of_a_long_path_fits_a_file_system(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)


@pytest.mark.parametrize(
    ("model", "named"),
    [
        ("mynet3-0.5", "mynet3-0.5"),
        ("torchvision:wide_resnet50_2", "torchvision-wide_resnet50_2"),
        ("x" * 300, "x" * 40),
    ],
)
def test_folder_name_has_a_safe_short_form_of_the_models_name(model, named):
    case = replace(PLAIN, model=model, network="a network")
    assert f"-{named}-seed" in case.folder_name
    assert_is_one_component(case.folder_name)


def test_label_is_human_readable():
    assert CASE.label == "cifar10 resnet20-4 seed 0"


@pytest.mark.parametrize("model", ["resnet21", "vgg16", "resnet20-0", ""])
def test_an_unknown_model_is_refused(model):
    with pytest.raises(InputError, match="unknown model"):
        replace(CASE, model=model)


def test_a_name_that_is_not_canonical_is_an_error_with_the_canonical_one():
    with pytest.raises(InputError, match="model 'resnet20-1' is not a canonical name: give 'resnet20'"):
        replace(CASE, model="resnet20-1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("seed", 2**63),
        ("seed", 10**400),
        ("val_split", 1.0),
        ("val_split", math.inf),
        ("val_split", -0.1),
    ],
)
def test_seed_or_split_that_nothing_can_be_trained_with_is_refused(name, value):
    with pytest.raises(InputError, match=f"^{name} .*: give"):
        replace(CASE, **{name: value})
