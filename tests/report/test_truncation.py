import pytest

from harness.report.truncation import (
    MAX_LINES,
    MAX_NAMES,
    evenly_over,
    evenly_spaced_with_ends,
    first_lines,
    join_names,
)


def test_excerpt_has_equally_many_rows_of_every_group_in_order():
    groups = ["a"] * 5 + ["b"] * 3 + ["c"]
    assert evenly_over(groups, 5) == [0, 1, 5, 6, 8]
    assert evenly_over(groups, 2) == [0, 5]
    assert evenly_over(groups, 9) == evenly_over(groups, 100) == list(range(9))
    assert evenly_over([], 3) == []


@pytest.mark.parametrize("count", [0, 1, 4, 5, 17, 600])
def test_evenly_spaced_with_ends_places_have_both_ends_and_no_duplicates(count):
    places = evenly_spaced_with_ends(count, 4)
    assert len(set(places)) == len(places) == min(count, 4)
    assert places == sorted(places)
    if count:
        assert (places[0], places[-1]) == (0, count - 1)


def test_many_names_are_cut_with_count_and_source():
    names = [f"n{k}" for k in range(MAX_NAMES + 1007)]
    assert join_names(names[:MAX_NAMES], "in the CSV") == ", ".join(names[:MAX_NAMES])
    assert join_names(names, "in the CSV") == ", ".join(names[:MAX_NAMES]) + " and 1,007 more (in the CSV)"


def test_many_lines_are_cut_with_count_and_source():
    lines = [f"l{k}" for k in range(MAX_LINES + 3)]
    assert first_lines(lines[:MAX_LINES], "there") == lines[:MAX_LINES]
    assert first_lines(lines, "there") == [*lines[:MAX_LINES], "3 more: there"]
    assert first_lines(lines, "there", 2) == ["l0", "l1", f"{MAX_LINES + 1} more: there"]
