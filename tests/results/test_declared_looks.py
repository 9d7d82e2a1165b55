"""Declared looks: kept by dataset and mode, refused if damaged."""

import pytest

from harness.errors import DamagedError
from harness.results.declared_looks import FILE, DeclaredLooks, declare_looks, looks_key, read_declared_looks

DIGITS, GTSRB = DeclaredLooks((0, 1, 2, 3, 4), (3, 4, 5)), DeclaredLooks((7, 8), (2,))


def test_a_folder_without_declared_looks_has_none(tmp_path):
    assert read_declared_looks(tmp_path) == {}


def test_looks_of_other_datasets_and_modes_are_kept(tmp_path):
    full, shortened, other = looks_key("digits", "full"), looks_key("digits", "shortened"), looks_key("gtsrb", "full")
    declare_looks(tmp_path, {full: DIGITS})
    declare_looks(tmp_path, {shortened: GTSRB, other: GTSRB})
    assert read_declared_looks(tmp_path) == {full: DIGITS, shortened: GTSRB, other: GTSRB}


@pytest.mark.parametrize("content", ["{", '{"full digits": {"seeds": [], "looks": [1]}}', '{"full digits": 3}'])
def test_a_damaged_file_is_named_with_its_remedy(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(DamagedError, match=r"looks\.json: .* delete it"):
        read_declared_looks(tmp_path)
