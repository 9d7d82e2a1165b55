import pytest

from harness.results.result import EpochRecord
from harness.study.engines.case_state import CaseState


def record(epoch):
    return EpochRecord(epoch, 0.1, 1.0, 50.0, 1.0, 50.0, 0.1, 0.8, 0.1, 0.0, 1.5)


@pytest.fixture
def state():
    return CaseState(request=None)


def test_reported_epochs_are_counted_with_their_seconds(state):
    state.add_epochs([])
    assert (state.epochs, state.last_record) == (0, None)
    state.add_epochs([record(1), record(2)])
    assert (state.epochs, state.furthest_epoch, state.last_record) == (2, 2, record(2))
    assert state.seconds == record(1).epoch_seconds + record(2).epoch_seconds


def test_losses_add_up_until_the_case_gets_further(state):
    state.add_epochs([record(1), record(2)])
    state.node_id = "a"
    state.add_lost_worker("north")
    state.node_id = "b"
    state.add_lost_worker("south")
    assert (state.lost_workers, state.avoided) == (2, {"a", "b"})
    state.add_epochs([record(1), record(2)])
    assert (state.lost_workers, state.avoided, state.epochs) == (2, {"a", "b"}, 4)
    state.add_epochs([record(3)])
    assert (state.lost_workers, state.avoided) == (0, set())
    assert state.lost_on == ["north", "south"]


def test_a_loss_on_an_unknown_node_avoids_none(state):
    state.add_lost_worker("an unknown node")
    assert (state.lost_workers, state.avoided, state.lost_on) == (1, set(), ["an unknown node"])
