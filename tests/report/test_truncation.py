import pytest

from harness.report.truncation import LINES, NAMES, evenly, first, named, spaced


def test_an_excerpt_has_as_many_rows_of_every_group_in_their_order():
    groups = ["a"] * 5 + ["b"] * 3 + ["c"]
    assert evenly(groups, 5) == [0, 1, 5, 6, 8]
    assert evenly(groups, 2) == [0, 5]
    assert evenly(groups, 9) == evenly(groups, 100) == list(range(9))
    assert evenly([], 3) == []


@pytest.mark.parametrize("count", [0, 1, 4, 5, 17, 600])
def test_places_at_even_distances_have_both_ends_and_none_twice(count):
    places = spaced(count, 4)
    assert len(set(places)) == len(places) == min(count, 4)
    assert places == sorted(places)
    if count:
        assert (places[0], places[-1]) == (0, count - 1)


def test_many_names_are_told_as_the_first_and_how_many_more_stand_where():
    names = [f"n{k}" for k in range(NAMES + 1007)]
    assert named(names[:NAMES], "in the CSV") == ", ".join(names[:NAMES])
    assert named(names, "in the CSV") == ", ".join(names[:NAMES]) + " and 1,007 more (in the CSV)"


def test_many_lines_are_told_as_the_first_and_how_many_more_stand_where():
    lines = [f"l{k}" for k in range(LINES + 3)]
    assert first(lines[:LINES], "there") == lines[:LINES]
    assert first(lines, "there") == [*lines[:LINES], "3 more: there"]
    assert first(lines, "there", 2) == ["l0", "l1", f"{LINES + 1} more: there"]
