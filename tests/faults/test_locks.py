"""Locks in folders that several people write to: a link in a lock's place leads nowhere, and nothing is emptied."""

import pytest

from harness.config.given_axes import GivenAxes
from harness.data import download
from harness.errors import InputError
from harness.hardware import cpu_affinity
from harness.results.declared_axes import FILE, AskedStudy, declare_axes
from tests.helpers.tiny import make_case


@pytest.fixture
def thesis(tmp_path):
    """A file of this user's that a lock's link points to."""
    path = tmp_path / "thesis.tex"
    path.write_text("years of work")
    yield path
    assert path.read_text() == "years of work"


def test_a_link_as_a_cases_lock_is_named(thesis, results, tiny_dataset):
    case = make_case(tiny_dataset)
    results.folder(case).mkdir(parents=True)
    (results.folder(case) / ".lock").symlink_to(thesis)
    with pytest.raises(InputError, match=r"cannot write results to .* \(.*link.*\): give another --results-dir"):
        results.lock(case)


def test_a_link_as_the_lock_of_the_axes_is_named(thesis, tmp_path):
    (tmp_path / f".{FILE}.lock").symlink_to(thesis)
    asked = AskedStudy("digits", "1" * 64, frozenset(("small", "wider")), GivenAxes("small", ("wider",)))
    with pytest.raises(InputError, match=rf"cannot lock .*{FILE}.lock \(.*link.*\): remove it, or give another"):
        declare_axes(tmp_path, [asked])


def test_a_link_as_the_lock_of_a_download_is_named(thesis, tmp_path):
    (tmp_path / download.LOCK).symlink_to(thesis)
    with pytest.raises(InputError, match=r"could not download https://h/a.zip \(.*link.*\)\nput that file into"):
        download.fetch("https://h/a.zip", tmp_path, "0" * 32)


def test_a_link_as_the_lock_of_a_core_claims_none(thesis, tmp_path):
    for core in range(256):
        (tmp_path / f"core-{core}").symlink_to(thesis)
    with cpu_affinity.claimed(1, tmp_path) as cores:
        assert cores == ()
