"""Studies looked at seed by seed, on stored results: nothing is trained."""

import re
import shutil
from types import SimpleNamespace

import pytest

from harness.analysis.sequential import plan_looks
from harness.analysis.studies import study_subject
from harness.config.experiment import plan_experiment
from harness.study.sequential import SequentialStudies, looks_text
from harness.study.study import Study
from tests.helpers.finished import store_finished
from tests.helpers.rank_threads import in_threads

SEEDS = (0, 1, 2, 3, 4)
MODELS = ("resnet20", "resnet56", "resnet20-2")
WIDER = {"resnet20": 88.0, "resnet56": 90.0, "resnet20-2": 95.0}
SECONDS = {"resnet20": 1.0, "resnet56": 3.0, "resnet20-2": 2.0}


@pytest.fixture
def study(make_settings):
    return Study(make_settings(full_training=True))


def digits(study, model, seed):
    return plan_experiment(study.settings, "digits", model, seed)


def store_seeds(study, seeds, accuracies=WIDER, spread=0.3):
    """Store finished results of all models with these seeds; the seed moves each accuracy a little."""
    for seed in seeds:
        for place, model in enumerate(MODELS):
            accuracy = accuracies[model] + spread * ((seed + place) % 3 - 1)
            store_finished(study, digits(study, model, seed), accuracy, epoch_seconds=SECONDS[model])


def studies(study, seeds=SEEDS, models=MODELS):
    experiments = [digits(study, model, seed) for seed in seeds for model in models]
    return SequentialStudies(study, experiments, {"digits": plan_looks(SEEDS)})


def reasons(study, looked, seed, models=MODELS):
    return {looked.reason_to_skip(digits(study, model, seed)) for model in models}


@pytest.fixture
def looks(monkeypatch):
    """Replaces the verdicts: decided by ``looks.enough`` seeds; keeps each look's seeds, margin and level."""

    class Looks(list):
        enough = 99

    made = Looks()

    def fake(evidence, *, margin, alpha):
        made.append((len(evidence.seeds), margin, round(alpha, 3)))
        outcome = "wider" if len(evidence.seeds) >= made.enough else "no significant difference"
        return [SimpleNamespace(outcome=outcome, is_decided=outcome == "wider", budget="macs", margin=margin)]

    monkeypatch.setattr("harness.study.sequential.budget_verdicts", fake)
    return made


def test_a_decided_study_needs_no_further_seeds(study):
    store_seeds(study, range(3))
    looked = studies(study)
    assert [reasons(study, looked, seed) for seed in range(3)] == [{None}] * 3
    reason = r"decided after 3 seeds \(looks at 3, 4, 5; α = 0.022\d each\): wider at equal training time, parameters, "
    for seed in (3, 4):
        (found,) = reasons(study, looked, seed)
        assert re.fullmatch(reason + "MACs and scale factor", found)
    assert reasons(study, looked, 2) == {None}  # an earlier seed's test that comes late, as --ff makes it


def test_models_that_are_equal_within_the_margin_are_decided_too(make_settings):
    study = Study(make_settings(full_training=True, margin="3"))
    store_seeds(study, range(3), dict.fromkeys(MODELS, 95.0))
    (found,) = reasons(study, studies(study), 3)
    assert ": equal within 3 pp at equal training time, parameters, MACs and scale factor" in found


def test_the_looks_are_those_of_the_plan_at_its_level_and_the_margin(make_settings, looks):
    study = Study(make_settings(full_training=True, margin="1"))
    store_seeds(study, SEEDS)
    looked = studies(study)
    for seed in SEEDS:
        assert reasons(study, looked, seed) == {None}
    assert looks == [(3, 1.0, 0.022), (4, 1.0, 0.022)]  # after all five nothing is left to skip


def test_a_later_look_decides_what_the_first_leaves_open(study, looks):
    looks.enough = 4
    store_seeds(study, SEEDS)
    looked = studies(study)
    assert [reasons(study, looked, seed) for seed in range(4)] == [{None}] * 4
    assert all("decided after 4 seeds" in reason for reason in reasons(study, looked, 4))


def test_the_same_looks_decide_alike_when_a_command_is_repeated(study, looks):
    looks.enough = 3
    store_seeds(study, SEEDS)
    first, again = studies(study), studies(study)
    found = [[reasons(study, looked, seed) for seed in SEEDS] for looked in (first, again)]
    assert found[0] == found[1]
    assert looks == [(3, 0.5, 0.022)] * 2


def test_a_look_uses_recorded_seeds_that_are_not_selected(study, looks):
    looks.enough = 3
    store_seeds(study, range(3))
    assert None not in reasons(study, studies(study, seeds=(3, 4)), 3)


def test_a_look_uses_what_there_is(study):
    store_seeds(study, range(3))
    shutil.rmtree(study.results.folder(study.case(digits(study, "resnet56", 1))))
    assert None not in reasons(study, studies(study), 3)


def test_a_study_without_a_verdict_is_not_decided(study):
    store_seeds(study, range(3))
    deep = MODELS[:2]
    assert reasons(study, studies(study, models=deep), 3, deep) == {None}


def test_results_that_rerun_replaces_decide_nothing(make_settings):
    study = Study(make_settings(full_training=True, rerun=True))
    store_seeds(study, range(3))
    assert reasons(study, studies(study), 3) == {None}


def test_a_decision_cancels_the_further_seeds(study, looks, monkeypatch):
    cancelled = []
    monkeypatch.setattr(study.engine, "cancel", lambda cases: cancelled.extend(case.seed for case in cases))
    looks.enough = 3
    store_seeds(study, range(3))
    reasons(study, studies(study), 3)
    assert cancelled == [3, 3, 3, 4, 4, 4]


def test_rank_0_decides_for_all_ranks(study, looks, make_settings, tmp_path):
    looks.enough = 3
    store_seeds(study, range(3))

    def ask(processes):
        folder = study.results.root if processes.is_rank_zero else tmp_path / "nothing"
        own = Study(make_settings(full_training=True, results_dir=str(folder)), processes)
        return studies(own).reason_to_skip(digits(own, "resnet20", 3))

    first, second = in_threads(2, ask)
    assert first == second
    assert "decided after 3 seeds" in first


def test_the_notes_name_the_decided_studies_and_their_looks(study, looks):
    looks.enough = 3
    store_seeds(study, range(3))
    looked = studies(study)
    assert looked.notes() == {}
    reasons(study, looked, 3)
    ((subject, (note,)),) = looked.notes().items()
    assert subject == study_subject(study.case(digits(study, "resnet20", 0)))
    assert note.startswith("Decided after 3 of 5 seeds (looks at 3, 4, 5; α = 0.022")
    assert note.endswith(" each); the other seeds' tests were skipped.")


def test_a_single_look_has_no_level_of_its_own():
    assert looks_text(plan_looks((0, 1))) == "one look at 2"
