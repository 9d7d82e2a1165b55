"""Declared axes: kept by images and base, replaced by newer ones, refused if damaged."""

import json

import pytest

from harness.config.given_axes import GivenAxes
from harness.errors import DamagedError
from harness.results.declared_axes import FILE, AskedStudy, DeclaredAxes, declare_axes, read_declared_axes

SMALL = GivenAxes("small", ("deeper",), ("wider",))
MODELS = frozenset(("small", "deeper", "wider", "other"))


def asked(axes, images="1" * 64, models=MODELS):
    return AskedStudy("folder:flowers", images, models, axes)


def test_a_folder_without_declared_axes_has_none(tmp_path):
    assert read_declared_axes(tmp_path) == ()


def test_studies_without_axes_write_nothing(tmp_path):
    declare_axes(tmp_path / "results", [asked(None)])
    assert not (tmp_path / "results").exists()


def test_axes_of_other_images_and_bases_are_kept(tmp_path):
    other_base = GivenAxes("other", ("deeper",))
    declare_axes(tmp_path, [asked(SMALL)])
    declare_axes(tmp_path, [asked(SMALL, "2" * 64), asked(other_base), asked(other_base)])
    assert read_declared_axes(tmp_path) == (
        DeclaredAxes("folder:flowers", "1" * 64, SMALL),
        DeclaredAxes("folder:flowers", "2" * 64, SMALL),
        DeclaredAxes("folder:flowers", "1" * 64, other_base),
    )


def test_newer_axes_of_a_base_replace_the_earlier_ones(tmp_path):
    declare_axes(tmp_path, [asked(SMALL)])
    declare_axes(tmp_path, [asked(GivenAxes("small", ("wider",)))])
    assert [one.axes for one in read_declared_axes(tmp_path)] == [GivenAxes("small", ("wider",))]


def test_axes_that_a_mark_gives_no_more_are_void(tmp_path):
    declare_axes(tmp_path, [asked(SMALL)])
    declare_axes(tmp_path, [asked(None, models=frozenset(("small", "deeper")))])  # another test, of some of the models
    assert len(read_declared_axes(tmp_path)) == 1
    declare_axes(tmp_path, [asked(None)])
    assert read_declared_axes(tmp_path) == ()


def test_equal_axes_leave_the_file_as_it_is(tmp_path):
    declare_axes(tmp_path, [asked(SMALL)])
    before = (tmp_path / FILE).stat().st_mtime_ns
    declare_axes(tmp_path, [asked(SMALL)])
    assert (tmp_path / FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("content", ["{", "[3]", '[{"dataset": "digits", "images": "1", "axes": {"depth": []}}]'])
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(DamagedError, match=r"axes\.json: .* delete it"):
        read_declared_axes(tmp_path)


@pytest.mark.parametrize("depth", [["small"], ["deeper", "deeper"], ["wider"]])
def test_axes_with_a_model_twice_are_refused(depth, tmp_path):
    axes = {"base": "small", "depth": depth, "width": ["wider"]}
    (tmp_path / FILE).write_text(json.dumps([{"dataset": "a", "images": "1" * 64, "axes": axes}]))
    with pytest.raises(DamagedError, match=r"axes\.json: .*delete it"):
        read_declared_axes(tmp_path)
