"""Results folders in which something cannot be looked into: that is named, and is not the same as absent."""

import os
import shutil
from dataclasses import replace

import pytest

from harness.errors import DamagedError, InputError
from harness.results.case_folder import find_case_folder
from harness.results.folder import ResultsFolder
from harness.results.load import load_named_result, load_results
from tests.helpers.synthetic import outcome, store, synthetic_result
from tests.helpers.users import place_of_all_users, without_rights

RESULT = synthetic_result("digits")


@pytest.fixture
def place():
    """A results folder with two results, open to all users."""
    with place_of_all_users() as root:
        for seed in (0, 1):
            one = store(root, replace(RESULT, seed=seed, case=replace(RESULT.case, seed=seed)))
            (root / one.case.folder_name).chmod(0o755)
        yield root


def test_case_folder_without_rights_is_named(place):
    folder = place / RESULT.case.folder_name
    with without_rights(folder):
        results, problems = ResultsFolder(place).read_all()
        assert ResultsFolder(place).unfinished()[0] == []
    assert [one.seed for one in results] == [1]
    assert problems == [f"{folder}/result.json cannot be read: Permission denied"]


def test_result_without_rights_is_named(place):
    path = place / RESULT.case.folder_name / "result.json"
    with without_rights(path):
        results, problems = ResultsFolder(place).read_all()
    assert [one.seed for one in results] == [1]
    assert problems == [f"{path} cannot be read: Permission denied"]


def test_folder_that_cannot_be_listed_may_be_an_unfinished_case(place):
    folder = place / "digits-other"
    folder.mkdir(mode=0o711)
    with without_rights(folder):
        assert ResultsFolder(place).read_all()[1] == [f"{folder}/result.json cannot be read: Permission denied"]
    folder.chmod(0o311)
    with without_rights(place / RESULT.case.folder_name):
        assert ResultsFolder(place).unfinished() == ([], [f"{folder} cannot be read: Permission denied"])


def test_results_folder_without_rights_is_an_error(place):
    root = place / "results"
    root.mkdir()
    with without_rights(root):
        for read in (ResultsFolder(root).read_all, ResultsFolder(root).unfinished, lambda: load_results(root)):
            with pytest.raises(InputError, match=f"results folder {root} cannot be read: Permission denied"):
                read()


def test_results_folder_behind_a_closed_one_is_an_error(place):
    (place / "closed" / "results").mkdir(parents=True)
    with without_rights(place / "closed"):
        for read in (load_results, load_named_result):
            with pytest.raises(InputError, match="closed/results cannot be read: Permission denied"):
                read(place / "closed" / "results")


@pytest.mark.parametrize("dataset", ["digits", "folder:/a/flowers"])
def test_own_case_folder_without_rights_is_an_error_to_train(dataset, place):
    case = RESULT.under_name(dataset).case
    folder = place / case.folder_name
    if dataset != "digits":
        store(place, RESULT.under_name(dataset), outcome("digits", 90.0, 0))
    with without_rights(folder), pytest.raises(InputError, match=f"{folder}.* cannot be read: Permission denied"):
        ResultsFolder(place).peek(case)


def test_renamed_case_folder_without_rights_is_an_error_to_train(place):
    before, now = RESULT.under_name("folder:/a/flowers"), RESULT.under_name("folder:/a/roses")
    store(place, before, outcome("digits", 90.0, 0))
    with without_rights(place / before.case.folder_name), pytest.raises(InputError, match="flowers.*cannot be read"):
        find_case_folder(place, now.case)
    assert find_case_folder(place, now.case) == place / before.case.folder_name


def test_files_and_broken_links_in_a_results_folder_are_no_cases(place):
    (place / "notes.txt").write_text("notes")
    (place / "link").symlink_to(place / "nowhere")
    (place / "empty").mkdir()
    results, problems = ResultsFolder(place).read_all()
    assert (len(results), problems) == (2, [])
    assert ResultsFolder(place).unfinished() == ([], [])


def test_link_that_leads_to_itself_is_named(place):
    (place / "loop").symlink_to(place / "loop")
    assert ResultsFolder(place).read_all()[1] == [
        f"{place}/loop/result.json cannot be read: Too many levels of symbolic links"
    ]


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder"])
def test_special_file_instead_of_a_result_is_not_absent(kind, place):
    path = place / RESULT.case.folder_name / "result.json"
    path.unlink()
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a folder":
            path.mkdir()
    assert ResultsFolder(place).read_all()[1] == [f"{path} cannot be read: it is {kind}, not a file"]
    with pytest.raises(DamagedError, match=f"it is {kind}"):
        ResultsFolder(place).find(RESULT.case)


def test_named_results_folder_lists_its_cases(place):
    with pytest.raises(InputError, match="is a results folder with 2 cases: name one of them\n.*digits-resnet20-seed0"):
        load_named_result(place)
    with pytest.raises(InputError, match="does not exist: name a result.json"):
        load_named_result(place / "nowhere")


def test_file_or_dangling_link_in_place_of_a_case_folder_is_named(place):
    folder = place / RESULT.case.folder_name
    shutil.rmtree(folder)
    folder.symlink_to("absent-disk")
    results, problems = ResultsFolder(place).read_all()
    assert [one.seed for one in results] == [1]
    assert problems == [f"{folder} is a link to a folder that does not exist"]
    folder.unlink()
    folder.write_text("a file")
    assert ResultsFolder(place).read_all()[1] == [f"{folder}/result.json cannot be read: Not a directory"]
    assert ResultsFolder(place).unfinished() == ([], [])
