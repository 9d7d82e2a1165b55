"""Declared looks: kept by dataset and mode, refused if damaged."""

import os

import pytest

from harness.errors import DamagedError
from harness.results.declared_looks import FILE, DeclaredLooks, declare_looks, looks_key, read_declared_looks

DIGITS, GTSRB = DeclaredLooks((0, 1, 2, 3, 4), (3, 4, 5)), DeclaredLooks((7, 8), (2,))


def test_a_folder_without_declared_looks_has_none(tmp_path):
    assert read_declared_looks(tmp_path) == {}


def test_schedules_and_shares_of_the_images_have_looks_of_their_own():
    studies = [("full", 24, 1.0), ("shortened", 30, 1.0), ("shortened", 100, 1.0), ("full", 24, 0.1), ("full", 24, 0.5)]
    assert len({looks_key("digits", *one) for one in studies}) == len(studies)
    assert looks_key("digits", "full", 24) == looks_key("digits", "full") == "full digits"


def test_looks_of_other_datasets_and_modes_are_kept(tmp_path):
    full, shortened, other = looks_key("digits", "full"), looks_key("digits", "shortened"), looks_key("gtsrb", "full")
    declare_looks(tmp_path, {full: DIGITS})
    declare_looks(tmp_path, {shortened: GTSRB, other: GTSRB})
    assert read_declared_looks(tmp_path) == {full: DIGITS, shortened: GTSRB, other: GTSRB}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        '{"full digits": {"seeds": [], "looks": [1]}}',
        '{"full digits": 3}',
        '{"full digits": {"seeds": [9223372036854775808], "looks": [1]}}',
        '{"full digits": {"seeds": [1], "looks": [1e30]}}',
        '{"full digits": {"seeds": [1], "looks": [' + "1," * 5000 + "1]}}",
        '{"full digits": {"seeds": [' + "1" * 5000 + '], "looks": [1]}}',
        '{"full digits":' * 10_000,
        '{"\\ud800": {"seeds": [1], "looks": [1]}}',
    ],
)
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(DamagedError, match=r"looks\.json: .* delete it"):
        read_declared_looks(tmp_path)


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder", "8,589,934,592 bytes"])
def test_a_special_file_is_named_at_once(tmp_path, kind):
    match kind:
        case "a pipe":
            os.mkfifo(tmp_path / FILE)
        case "a device":
            (tmp_path / FILE).symlink_to("/dev/zero")
        case "a folder":
            (tmp_path / FILE).mkdir()
        case _:
            with open(tmp_path / FILE, "wb") as file:
                file.truncate(8 * 2**30)
    with pytest.raises(DamagedError, match=rf"looks\.json: .*{kind}.*; delete it"):
        read_declared_looks(tmp_path)
