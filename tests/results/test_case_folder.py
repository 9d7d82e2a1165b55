"""The folder of a case, found under the name that its images had when they were trained."""

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


def test_the_folder_of_the_present_name_comes_first(tmp_path):
    now = case_named("folder:/before/roses")
    for name in (RESULT.case.folder_name, now.folder_name):
        (tmp_path / name).mkdir()
    assert find_case_folder(tmp_path, now) == tmp_path / now.folder_name
    assert find_case_folder(tmp_path, RESULT.case) == tmp_path / RESULT.case.folder_name


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
