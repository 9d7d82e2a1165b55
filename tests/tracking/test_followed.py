import json

import pytest

from harness.config.variant import Variant
from harness.results.checked_files import EPOCHS
from harness.results.folder import ResultsFolder
from harness.tracking.followed import FollowedCase, read_training
from tests.helpers.forged_weights import SPECIAL
from tests.helpers.users import place_of_all_users, without_rights
from tests.tracking.growing import GrowingCase


@pytest.fixture
def growing(results):
    case = GrowingCase(results)
    case.begin()
    return case


def test_a_case_without_an_epoch_has_no_training_yet(growing):
    assert read_training(growing.followed()) is None


def test_a_training_keeps_its_key_through_interruptions(growing):
    growing.train(3)
    key = read_training(growing.followed()).key
    growing.resume(after=2)
    growing.train(4)
    growing.end()
    training = read_training(growing.followed())
    assert training.key == key
    assert [record.epoch for record in training.records] == [1, 2, 3, 4, 5, 6]
    assert training.result.epochs == 6


def test_training_again_makes_another_key(growing):
    keys = set()
    for _ in range(2):
        growing.train(1)
        keys.add(read_training(growing.followed()).key)
        growing.begin()
    assert len(keys) == 2


def test_two_cases_with_equal_first_epochs_have_different_keys(results):
    keys = set()
    for seed in (0, 1):
        case = GrowingCase(results, seed)
        case.begin()
        case.train(1)
        keys.add(read_training(case.followed()).key)
    assert len(keys) == 2


def test_a_replaced_training_is_not_read_but_its_successor_is(growing):
    growing.train(6)
    growing.end()
    followed = growing.followed(from_scratch=True)
    assert read_training(followed) is None
    growing.begin()
    growing.train(1)
    assert len(read_training(followed).records) == 1


def test_a_failure_before_the_first_epoch_is_a_training(growing):
    growing.end("out_of_memory")
    assert read_training(growing.followed()).result.status == "out_of_memory"


def test_files_that_are_being_replaced_are_not_read(growing):
    growing.train(2)
    growing.end()
    whole = (growing.folder / EPOCHS).read_text()
    (growing.folder / EPOCHS).write_text(whole[:-10])  # half a line
    assert read_training(growing.followed()) is None
    (growing.folder / EPOCHS).write_text(whole.splitlines()[0] + "\n")  # of another attempt than the result
    assert read_training(growing.followed()) is None
    (growing.folder / EPOCHS).write_text(whole)
    assert read_training(growing.followed()).result is not None


def test_a_followed_case_is_plain_values_with_a_label(results):
    case = GrowingCase(results, mode="quick").followed()
    assert case.label == "digits resnet8 seed 0 (quick)"
    assert json.loads(json.dumps(case.parameters)) == case.parameters


def test_names_of_runs_tell_trials_and_tuned_cases_apart(results):
    case = GrowingCase(results, mode="shortened").case
    variants = [
        Variant(learning_rate=0.02, val_split=0.2),
        Variant(learning_rate=0.05, common_rate=0.1, is_tuned=True),
        Variant(learning_rate=0.1, common_rate=0.1, is_tuned=True),
    ]
    followed = [FollowedCase.of(case, results, from_scratch=False, variant=one) for one in variants]
    epochs = f"shortened, {case.recipe.epochs} epoch"
    assert [one.label.removesuffix("s)").removesuffix(")") for one in followed] == [
        f"digits resnet8 seed 0 (trial, learning rate 0.02, {epochs}",
        f"digits resnet8 seed 0 (tuned, learning rate 0.05, {epochs}",
        f"digits resnet8 seed 0 ({epochs}",
    ]
    assert [one.parameters.get("trial") for one in followed] == [True, None, None]


@pytest.mark.parametrize("name", ["epochs.jsonl", "result.json"])
@pytest.mark.parametrize("kind", ["a pipe", "a link to an endless device", "a folder", "a sparse file"])
def test_special_file_in_the_place_of_a_case_is_no_training(kind, name, growing):
    growing.train(1)
    growing.end()
    (growing.folder / name).unlink()
    SPECIAL[kind](growing.folder / name)
    assert read_training(growing.followed()) is None


def test_case_folder_that_cannot_be_read_is_no_training():
    with place_of_all_users() as place:
        growing = GrowingCase(ResultsFolder(place))
        growing.begin()
        growing.train(1)
        followed = growing.followed()
        assert read_training(followed) is not None
        with without_rights(growing.folder):
            assert read_training(followed) is None
            assert followed.file_times() == (None, None)
