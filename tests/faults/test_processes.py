"""Real processes that share one results folder."""

from harness.results.folder import ResultsFolder
from tests.faults.processes import Process, run, train_tiny
from tests.helpers.tiny import make_case
from tests.helpers.training import outcome


def test_two_processes_train_one_case_once(tiny_dataset, tmp_path):
    both = [Process(train_tiny, tmp_path) for _ in range(2)]
    answers = [process.wait() for process in both]
    assert [status for status, _, _ in answers] == ["complete", "complete"]
    assert sum(epochs for _, epochs, _ in answers) == 3
    case, results = make_case(tiny_dataset), ResultsFolder(tmp_path)
    assert [record.epoch for record in results.read_epochs(case)] == [1, 2, 3]
    assert results.find(case).interrupted_after == ()


def test_processes_train_cases_of_one_folder_side_by_side(tiny_dataset, tmp_path):
    processes = [Process(_train_seed, tmp_path / "together", seed) for seed in range(3)]
    assert [process.wait() for process in processes] == [("complete", 3, [])] * 3
    results, problems = ResultsFolder(tmp_path / "together").read_all()
    assert ([result.seed for result in sorted(results, key=lambda result: result.seed)], problems) == ([0, 1, 2], [])
    alone = ResultsFolder(tmp_path / "alone")
    for seed in range(3):
        run(_train_seed, alone.root, seed)
        case = make_case(tiny_dataset, seed=seed)
        assert outcome(case, ResultsFolder(tmp_path / "together")) == outcome(case, alone)


def _train_seed(root, seed):
    return train_tiny(root, seed=seed)
