import json
from dataclasses import asdict, is_dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from harness.config.case import Case
from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, GTSRB
from tests.config.cases import (
    CASE,
    CHANGE_NAMES,
    CHANGES,
    PLAIN,
    changed,
    names,
)


def read_back(text):
    """Read a case as `harness.results.result` does."""
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


def test_a_case_consists_of_plain_values():
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
def test_invalid_json_is_refused(content):
    with pytest.raises(ValidationError):
        read_back(json.dumps(content))


def test_a_case_of_before_is_read_with_the_milestones_that_it_had():
    """Milestones that no epoch reaches were allowed, and there was neither fit nor padding."""
    content = asdict(CASE)
    content["recipe"] |= {"epochs": 2, "milestones": [1, 2, 2]}
    del content["recipe"]["fit"], content["recipe"]["augmentation"]["padding"], content["network"]

    case = read_back(json.dumps(content))

    assert case.recipe.milestones == (1, 2, 2)
    assert (case.recipe.fit, case.recipe.augmentation.padding) == ("squash", 0)
