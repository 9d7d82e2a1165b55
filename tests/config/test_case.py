import json
import os
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.config.case import Case
from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB, Augmentation, Recipe
from harness.errors import InputError
from tests.helpers import REPOSITORY

CASE = Case("resnet20-4", "cifar10", CIFAR10, 0, "full", "cpu", "fp32", "0" * 64)
# A recipe of which every field can change alone without being refused.
PLAIN = replace(CASE, recipe=replace(CIFAR10, augmentation=Augmentation((0.5,), (0.25,), crop_scale=None)))
OTHERS = {
    "model": "resnet20-2",
    "dataset": "fashionmnist",
    "recipe": GTSRB,
    "seed": 1,
    "mode": "shortened",
    "device_kind": "cuda",
    "precision": "bf16",
    "data_fingerprint": "1" * 64,
    "val_split": 0.1,
    "shortcut": "B",
    "pipeline": "reference",
    "compiled": True,
}
OTHER_RECIPE = {
    "name": "other",
    "epochs": 301,
    "milestones": (120, 200, 251),
    "batch_size": 64,
    "image_size": 28,
    "augmentation": FASHIONMNIST.augmentation,
    "learning_rate": 0.05,
    "gamma": 0.2,
    "momentum": 0.8,
    "nesterov": False,
    "weight_decay": 5e-4,
    "warmup_epochs": 1,
}
OTHER_AUGMENTATION = {
    "mean": (0.4,),
    "std": (0.3,),
    "horizontal_flip": True,
    "vertical_flip": True,
    "rotation_degrees": 30.0,
    "crop_scale": (0.75, 1.0),
    "rotate_first": True,
}


def names(kind):
    return [field.name for field in fields(kind)]


def test_the_tables_of_changes_below_have_every_field():
    assert list(OTHERS) == names(Case)
    assert list(OTHER_RECIPE) == names(Recipe)
    assert list(OTHER_AUGMENTATION) == names(Augmentation)


def changed(case, path, value):
    head, *rest = path
    return replace(case, **{head: changed(getattr(case, head), rest, value) if rest else value})


CHANGES = [
    *(((name,), value) for name, value in OTHERS.items()),
    *((("recipe", name), value) for name, value in OTHER_RECIPE.items()),
    *((("recipe", "augmentation", name), value) for name, value in OTHER_AUGMENTATION.items()),
]
CHANGE_NAMES = [".".join(path) for path, _ in CHANGES]


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=CHANGE_NAMES)
def test_the_identity_changes_with_every_field(path, value):
    other = changed(PLAIN, path, value)

    assert other != PLAIN
    assert other.identity != PLAIN.identity
    assert other.folder_name != PLAIN.folder_name


def test_all_these_cases_have_identities_of_their_own():
    identities = {changed(PLAIN, path, value).identity for path, value in CHANGES} | {PLAIN.identity}

    assert len(identities) == len(CHANGES) + 1


def test_the_identity_is_a_sha_256():
    assert len(CASE.identity) == 64
    assert set(CASE.identity) <= set("0123456789abcdef")


def test_the_identity_is_the_same_each_time_and_in_another_process():
    import subprocess
    import sys

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


def folder_case(dataset, **changes):
    return replace(CASE, dataset=dataset, **changes)


@pytest.mark.parametrize("other", ["folder:/b/c/signs", "folder:signs", "folder:~/signs", "folder:/a/letters"])
def test_where_a_folder_lies_does_not_matter(other):
    assert folder_case("folder:/a/signs").identity == folder_case(other).identity


def test_what_is_in_a_folder_matters():
    other = folder_case("folder:/a/signs", data_fingerprint="1" * 64)

    assert other.identity != folder_case("folder:/a/signs").identity
    assert other.folder_name != folder_case("folder:/a/signs").folder_name


def test_a_folder_is_not_a_dataset_of_the_study():
    assert folder_case("folder:/a/cifar10").identity != CASE.identity
    assert folder_case("folder:/a/cifar10").folder_name != CASE.folder_name


def test_a_folder_moved_elsewhere_under_its_name_keeps_the_name_of_its_results():
    assert folder_case("folder:/b/c/signs").folder_name == folder_case("folder:/a/signs").folder_name
    assert folder_case("folder:/a/signs/").folder_name == folder_case("folder:/a/signs").folder_name


def test_the_folder_name_says_what_the_case_is():
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
def test_the_folder_name_is_one_safe_component_whatever_the_path(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)
    assert_is_one_component(folder_case(f"folder:/{path}").folder_name)


@pytest.mark.parametrize("path", ["/", ".", "..", "../..", "~", "/a/../b", "a/b/", "/a b/ü ß", "-x", "/a/.hidden"])
def test_the_folder_name_is_one_safe_component_for_odd_paths(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)


@pytest.mark.parametrize("path", ["/a/" + "x" * 255, "/a/" + "ü" * 127])
def test_the_folder_name_is_short_enough_for_a_file_system_where_the_folders_own_name_was(path):
    assert_is_one_component(folder_case(f"folder:{path}").folder_name)


def test_the_label_is_how_a_person_names_it():
    assert CASE.label == "cifar10 resnet20-4 seed 0"


@pytest.mark.parametrize("model", ["resnet21", "vgg16", "resnet20-0", ""])
def test_a_model_that_is_none_is_refused(model):
    with pytest.raises(InputError, match="unknown model"):
        replace(CASE, model=model)


def read_back(text):
    """As harness.results.result reads it, in a result."""
    return TypeAdapter(Case).validate_json(text, strict=True)


def through_json(case):
    return read_back(json.dumps(asdict(case), allow_nan=False))


@pytest.mark.parametrize(("path", "value"), CHANGES, ids=CHANGE_NAMES)
def test_every_field_survives_json(path, value):
    case = changed(PLAIN, path, value)

    assert through_json(case) == case
    assert through_json(case).identity == case.identity


@given(
    model=st.sampled_from(["resnet20", "resnet8-3", "resnet50", "resnet24-4"]),
    dataset=st.one_of(st.sampled_from(["cifar10", "digits"]), st.text(min_size=1).map("folder:{}".format)),
    recipe=st.sampled_from([CIFAR10, FASHIONMNIST, GTSRB, DIGITS, DIGITS.quick(), CIFAR10.with_epochs(30)]),
    seed=st.integers(0, 2**63 - 1),
    mode=st.sampled_from(["full", "shortened", "quick"]),
    val_split=st.floats(0, 1, exclude_max=True),
    shortcut=st.sampled_from("AB"),
)
@settings(deadline=None)
def test_any_case_survives_json(**values):
    case = Case(**values, device_kind="cpu", precision="fp32", data_fingerprint="ab")
    restored = through_json(case)

    assert restored == case
    assert restored.identity == case.identity
    assert restored.folder_name == case.folder_name
    assert hash(restored) == hash(case)


def test_a_case_is_of_plain_values():
    def is_plain(value):
        if isinstance(value, dict):
            return all(type(key) is str and is_plain(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return all(map(is_plain, value))
        return value is None or (type(value) in (str, int, float, bool) and not is_dataclass(value))

    assert is_plain(asdict(CASE))
    assert list(asdict(CASE)) == names(Case)


def without(content, *path):
    head, *rest = path
    if not rest:
        return {key: value for key, value in content.items() if key != head}
    return content | {head: without(content[head], *rest)}


def with_value(content, path, value):
    head, *rest = path
    return content | {head: with_value(content[head], rest, value) if rest else value}


PLAIN_JSON = json.loads(json.dumps(asdict(CASE)))


@pytest.mark.parametrize(
    "content",
    [
        None,
        5,
        "resnet20",
        [],
        {},
        without(PLAIN_JSON, "recipe"),
        without(PLAIN_JSON, "data_fingerprint"),
        without(PLAIN_JSON, "recipe", "epochs"),
        without(PLAIN_JSON, "recipe", "augmentation"),
        without(PLAIN_JSON, "recipe", "augmentation", "mean"),
        with_value(PLAIN_JSON, ["unknown"], 1),
        with_value(PLAIN_JSON, ["recipe", "unknown"], 1),
        with_value(PLAIN_JSON, ["recipe", "augmentation", "unknown"], 1),
        with_value(PLAIN_JSON, ["recipe"], None),
        with_value(PLAIN_JSON, ["recipe"], []),
        with_value(PLAIN_JSON, ["recipe", "augmentation"], None),
        with_value(PLAIN_JSON, ["recipe", "augmentation"], [0.5]),
        with_value(PLAIN_JSON, ["recipe", "augmentation"], 0.5),
        with_value(PLAIN_JSON, ["recipe", "augmentation", "crop_scale"], [0.9, 0.1]),
        with_value(PLAIN_JSON, ["model"], "resnet21"),
        with_value(PLAIN_JSON, ["model"], None),
        with_value(PLAIN_JSON, ["seed"], "0"),
        with_value(PLAIN_JSON, ["seed"], 0.0),
        with_value(PLAIN_JSON, ["compiled"], 0),
        with_value(PLAIN_JSON, ["mode"], "FULL"),
        with_value(PLAIN_JSON, ["shortcut"], "C"),
        with_value(PLAIN_JSON, ["pipeline"], None),
        with_value(PLAIN_JSON, ["recipe", "milestones"], [1.5]),
        with_value(PLAIN_JSON, ["recipe", "epochs"], 0),
    ],
)
def test_what_is_no_case_is_refused(content):
    with pytest.raises(ValidationError):
        read_back(json.dumps(content))
