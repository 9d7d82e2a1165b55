"""A cluster of two nodes whose tasks run in this process, with injected faults."""

import asyncio
import pickle
from dataclasses import replace

import torch
from ray import exceptions

from harness.config.recipes import DIGITS
from harness.data import registry
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.study.engines.cluster import worker
from harness.study.engines.cluster.connection import Share
from harness.study.engines.cluster.worker import Training
from harness.study.engines.engine import CaseRequest
from harness.study.engines.task_pickle import pickled
from harness.training.callback import TrainingCallback
from harness.training.train import train as train_here
from tests.helpers.training import outcome

RECIPE = replace(DIGITS, epochs=3, milestones=(2,), batch_size=512)
NODE_A, NODE_B = "a" * 8, "b" * 8
LOST = exceptions.WorkerCrashedError()


class FakeCluster:
    """Runs tasks in this process, on nodes named by the first letter of their ids.

    Attributes:
        faults: for the next trainings, in order: each a function of a report's number and the report that returns a
            report or raises.
        trainings: the tasks of trainings with the ids of their nodes.
        cancelled: the cancelled tasks.
    """

    def __init__(self, address):
        self.is_own = address is None
        self.nodes = {NODE_A: {"CPU": 2.0}, NODE_B: {"CPU": 2.0}}
        self.faults, self.trainings, self.cancelled, self.running, self.is_closed = [], [], [], [], False

    def name(self, node_id):
        return node_id[:1]

    def share(self, settings):
        return Share(1, 1, 0.0)

    def describe(self):
        return "a cluster"

    def run(self, task, share, *, on=None, not_on=frozenset()):
        node_id = on or next(one for one in self.nodes if one not in not_on)
        fault = None
        if isinstance(task, Training):
            self.trainings.append((task, node_id))
            fault = self.faults.pop(0) if self.faults else None
        return self._reports(pickle.loads(pickled(task, "--engine ray")), node_id, fault)

    async def _reports(self, task, node_id, fault):
        threads, reports = torch.get_num_threads(), task.run(node_id)
        self.running.append(reports)
        try:
            for number, report in enumerate(reports):
                await asyncio.sleep(0)
                yield _reference(fault(number, report) if fault else report)
        except InputError as error:
            if isinstance(error, worker.CaseError):
                raise exceptions.RayTaskError("run_task", "traceback", error) from error
            yield _reference((node_id, str(error)))
        except (exceptions.RayError, asyncio.CancelledError):
            raise
        except Exception as error:
            raise exceptions.RayTaskError("run_task", "the node's traceback", error) from error
        finally:
            torch.set_num_threads(threads)

    def cancel(self, task):
        self.cancelled.append(task)

    def close(self):
        self.is_closed = True
        for reports in self.running:  # a killed process would leave them to the system
            reports.close()


async def _reference(report):
    return report


def lost_at(report_number, error=LOST):
    """A fault: the worker is lost instead of sending this report."""

    def fault(number, report):
        if number == report_number:
            raise error
        return report

    return fault


class Recorder(TrainingCallback):
    """Keeps all notices, and the progress of all cases each time that it is reported."""

    def __init__(self):
        self.notices, self.progress = [], []

    def on_notice(self, case, text):
        self.notices.append(text)

    def on_sweep(self, state):
        self.progress.append(state())


def submit(engine, *experiments, rerun=False, on_end=lambda _: None):
    """Prepare and submit; the requests."""
    engine.prepare(experiments, lambda _: None)
    requests = [CaseRequest(one, engine.case(one), rerun) for one in experiments]
    engine.submit(requests, on_end)
    return requests


def train(engine, *experiments, rerun=False, on_end=lambda _: None):
    """Prepare, submit and train; the results and a recorder of what was reported."""
    requests = submit(engine, *experiments, rerun=rerun, on_end=on_end)
    recorder = Recorder()
    return [engine.train(request, recorder, on_end)[0] for request in requests], recorder


def undisturbed(engine, experiment, tmp_path):
    """The outcome of the case trained in this process without any fault."""
    results, threads = ResultsFolder(tmp_path / "undisturbed"), torch.get_num_threads()
    torch.set_num_threads(1)
    dataset = registry.load("digits", tmp_path)
    train_here(engine.case(experiment), dataset, results, torch.device("cpu"))
    torch.set_num_threads(threads)
    return outcome(engine.case(experiment), results)
