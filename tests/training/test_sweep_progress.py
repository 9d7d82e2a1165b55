from dataclasses import replace
from functools import partial

import pytest

from harness.training.progress import sweep_line
from harness.training.sweep_progress import SweepProgress
from tests.helpers.records import RECORD
from tests.helpers.tiny import make_case as make_case_of


@pytest.fixture
def make_case(tiny_dataset):
    return partial(make_case_of, tiny_dataset)


def record(epoch):
    return replace(RECORD, epoch=epoch)


def test_remaining_epochs_take_as_long_as_their_models_past_ones(make_case):
    state = SweepProgress()
    case = make_case()  # of three epochs
    state.add(case, 3, 6.0, record(3), "done")
    state.add(case, 1, 4.0, record(1), "running")
    state.add(case, 0, 0.0, None, "running")
    state.add(case, 0, 0.0, None, "waiting")
    assert (state.done, state.cases, len(state.running)) == (1, 4, 2)
    assert state.seconds_left == pytest.approx((2 + 3 + 3) * 2.5 / 2)


def test_model_without_an_epoch_takes_the_mean_of_all(make_case):
    state = SweepProgress()
    state.add(make_case(), 2, 4.0, record(2), "running")
    state.add(make_case(model="resnet14"), 0, 0.0, None, "waiting")
    assert state.seconds_left == pytest.approx(1 * 2.0 + 3 * 2.0)


def test_time_left_is_unknown_before_the_first_epoch(make_case):
    state = SweepProgress()
    state.add(make_case(), 0, 0.0, None, "running")
    assert state.seconds_left is None
    assert sweep_line(state) == "0 of 1 case done · training resnet8 s0 0/3"


def test_sweep_line_counts_cases_and_names_running_ones(make_case):
    state = SweepProgress()
    state.add(make_case(), 3, 3.0, record(3), "done")
    for seed in range(1, 6):
        state.add(make_case(seed=seed), 1, 1.0, record(1), "running")
    assert sweep_line(state) == (
        "1 of 6 cases done · about 2.0s left · training resnet8 s1 1/3, resnet8 s2 1/3, resnet8 s3 1/3, and 2 more"
    )
