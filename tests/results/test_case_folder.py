"""The folder of a case, found under the name that its images had when they were trained."""

import os
import shutil
from dataclasses import replace

import pytest

from harness.results.case_folder import find_case_folder, is_name_of_case
from harness.results.folder import ResultsFolder
from tests.helpers.synthetic import store, synthetic_result

RESULT = synthetic_result("digits").under_name("folder:/before/flowers")


def case_named(dataset, **changes):
    return replace(RESULT.case, dataset=dataset, **changes)


@pytest.mark.parametrize(
    "now",
    ["folder:/before/roses", "folder:/now/flowers", "folder:.", "folder:..", "folder:flowers/", "folder:/a/fl*[o]?"],
)
def test_the_case_of_a_renamed_folder_is_found(now, tmp_path):
    stored = tmp_path / RESULT.case.folder_name
    stored.mkdir()
    assert find_case_folder(tmp_path, case_named(now)) == stored
    assert is_name_of_case(stored.name, case_named(now))


@pytest.mark.parametrize(
    "changes", [{"data_fingerprint": "1" * 64}, {"seed": 1}, {"model": "resnet56"}, {"mode": "shortened"}]
)
def test_another_case_of_a_renamed_folder_has_its_own_folder(changes, tmp_path):
    (tmp_path / RESULT.case.folder_name).mkdir()
    case = case_named("folder:/before/roses", **changes)
    assert find_case_folder(tmp_path, case) == tmp_path / case.folder_name
    assert not is_name_of_case(RESULT.case.folder_name, case)


@pytest.fixture
def both(tmp_path):
    """The case under its present name, and its folders of the earlier and the present name."""
    now = case_named("folder:/before/roses")
    folders = [tmp_path / RESULT.case.folder_name, tmp_path / now.folder_name]
    for folder in folders:
        folder.mkdir()
    return now, *folders


def test_of_two_results_that_of_the_present_name_comes_first(both, tmp_path):
    now, earlier, own = both
    for folder in (earlier, own):
        (folder / "result.json").touch()
    assert find_case_folder(tmp_path, now) == own
    assert find_case_folder(tmp_path, RESULT.case) == earlier


def test_a_result_under_an_earlier_name_precedes_an_unfinished_case(both, tmp_path):
    now, earlier, _ = both
    (earlier / "result.json").touch()
    os.utime(earlier, (1, 1))
    assert find_case_folder(tmp_path, now) == earlier


@pytest.mark.parametrize("last", [0, 1])
def test_of_two_unfinished_trainings_the_last_is_resumed(last, both, tmp_path):
    now, *folders = both
    os.utime(folders[1 - last], (1, 1))
    assert find_case_folder(tmp_path, now) == folders[last]


def test_a_published_dataset_has_one_name(tmp_path):
    case = synthetic_result("digits").case
    (tmp_path / f"folder-digits-{case.folder_suffix}").mkdir()
    assert find_case_folder(tmp_path, case) == tmp_path / case.folder_name
    assert not is_name_of_case(f"folder-digits-{case.folder_suffix}", case)


def test_a_result_trained_again_under_a_new_name_is_no_copy(tmp_path):
    results = ResultsFolder(tmp_path)
    first = store(tmp_path, RESULT, ([0], [0]))
    again = replace(first, finished_at="2026-11-24T12:00:00.000+00:00").under_name("folder:/now/roses")
    results.write_result(again.case, again)
    assert results.read_all() == ([again], [])
    assert results.read_curve(again) == results.read_curve(first)
    shutil.copytree(tmp_path / first.case.folder_name, tmp_path / "backup")
    assert "backup/result.json is a copy" in results.read_all()[1][0]
