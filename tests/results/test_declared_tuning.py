"""Declared learning rates: kept beside earlier ones, never without an earlier choice, refused if damaged."""

import json
from dataclasses import replace

import pytest

from harness.errors import DamagedError
from harness.results.declared_tuning import FILE, at_any_rate, declare_tuning, read_declared_tuning
from tests.analysis.tuned import declared
from tests.helpers.synthetic import synthetic_result


def test_a_folder_without_declared_rates_has_none(tmp_path):
    assert read_declared_tuning(tmp_path) == ()


def test_declared_rates_are_read_as_written(tmp_path):
    both = [declared("resnet8", 0.05), declared("resnet20", None)]
    declare_tuning(tmp_path / "results", both)
    assert read_declared_tuning(tmp_path / "results") == tuple(both)


def test_a_choice_replaces_the_declaration_before_it_and_comes_last(tmp_path):
    declare_tuning(tmp_path, [declared("resnet8", None), declared("resnet20", None)])
    declare_tuning(tmp_path, [declared("resnet8", 0.02)])
    assert [(one.model, one.chosen) for one in read_declared_tuning(tmp_path)] == [
        ("resnet20", None),
        ("resnet8", 0.02),
    ]


def test_trials_begun_again_keep_the_earlier_choice(tmp_path):
    declare_tuning(tmp_path, [declared("resnet8", 0.02)])
    before = (tmp_path / FILE).stat().st_mtime_ns
    declare_tuning(tmp_path, [declared("resnet8", None)])
    assert [one.chosen for one in read_declared_tuning(tmp_path)] == [0.02]
    assert (tmp_path / FILE).stat().st_mtime_ns == before


def test_other_rates_are_kept_beside_since_they_name_trials(tmp_path):
    wider = declared("resnet8", 0.2, rates=(0.02, 0.05, 0.1, 0.2))
    declare_tuning(tmp_path, [declared("resnet8", 0.1)])
    declare_tuning(tmp_path, [wider])
    assert read_declared_tuning(tmp_path) == (declared("resnet8", 0.1), wider)


def test_cases_differ_by_more_than_seed_rate_and_name_of_own_images():
    case = synthetic_result("digits", "resnet8").case
    other = replace(case, seed=7, recipe=replace(case.recipe, learning_rate=0.3))
    assert at_any_rate(case) == at_any_rate(other)
    assert at_any_rate(case) != at_any_rate(replace(case, val_split=0.1))
    own, moved = (replace(case, dataset=f"folder:/{name}") for name in ("here", "there"))
    assert at_any_rate(own) == at_any_rate(moved)


def content(**changes):
    """Return the file's JSON with one tuning changed."""
    from harness.results.declared_tuning import _ADAPTER

    (one,) = _ADAPTER.dump_python((declared("resnet8", 0.05),), mode="json")
    return json.dumps([one | changes])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[3]",
        content(rates=[0.1]),
        content(rates=[0.1, 0.05]),
        content(rates=[0.05, 0.05]),
        content(rates=[0.05, -1]),
        content(chosen=0.3),
        content(seeds=[]),
        content(seeds=[2**63]),
        content(plain=None),
        content(plain=json.loads(content())[0]["plain"] | {"model": "resnet" + "9" * 400}),
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(DamagedError, match=r"tuning\.json: .* delete it"):
        read_declared_tuning(tmp_path)
