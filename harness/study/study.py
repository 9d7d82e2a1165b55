"""A study: experiments made ready together, then trained by an engine. Knows nothing of pytest."""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterable

from harness.config.case import Case
from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.errors import InputError
from harness.files import require_writable
from harness.results.folder import ResultsFolder
from harness.results.result import EpochRecord, Result
from harness.study.engines import CaseRequest, make_engine
from harness.study.rerun import Rerun
from harness.text import several
from harness.training import checkpoint
from harness.training.callback import TrainingCallback
from harness.training.code_version import training_code_version
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.torchrun import distributed_settings, require_image_per_process, require_same_values


class Study:
    """The settings made real: an engine, and the results folder of what it trains."""

    def __init__(self, settings: Settings, processes: ProcessGroup = SINGLE_PROCESS) -> None:
        """
        Args:
            processes: the processes that train every case together.

        Raises:
            InputError: the device is not there or does not have the precision; or the cluster is not there.
        """
        self.settings = settings = distributed_settings(settings, processes)
        self.results = ResultsFolder(settings.results_dir)
        self.engine = make_engine(settings, self.results, processes)
        self._processes = processes
        self._rerun = Rerun(settings.results_dir)

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None] = lambda _: None) -> None:
        """Make sure, before anything is trained, that all of it can be: folders can be written to, data are there.

        Args:
            notify: is given a line about what takes a while.

        Raises:
            InputError: something is not as it has to be.
        """
        with self._processes.raising_together():
            self._prepare(experiments, notify)
        if self._processes.is_distributed:
            identities = {experiment.label: self.case(experiment).identity for experiment in experiments}
            code = {"the harness's training code": training_code_version()}
            require_same_values(identities | code, self._processes)
        self.engine.submit([self._request(experiment) for experiment in experiments], self._end)

    def _prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> None:
        """What this process can see to by itself; of several, the folders are the first one's."""
        if self._processes.is_rank_zero:
            for name, folder in (("results-dir", self.settings.results_dir), ("report-dir", self.settings.report_dir)):
                require_writable(folder, f"--{name}")
        for experiment in experiments:
            require_image_per_process(experiment.recipe, experiment.label, self._processes)
        self.engine.prepare(experiments, notify)
        if not self._processes.is_rank_zero:
            return
        self._require_space(experiments)
        if self.settings.rerun:
            done = self._rerun.begin([self.case(experiment).identity for experiment in experiments])
            if done:
                notify(f"going on with the --rerun that was interrupted: {several(done, 'case')} of it done already")

    def case(self, experiment: Experiment) -> Case:
        """The case that an experiment is here: bound to the images, the kind of device and the precision."""
        return self.engine.case(experiment)

    def train(
        self, experiment: Experiment, callback: TrainingCallback | None = None
    ) -> tuple[Result, list[EpochRecord]]:
        """The experiment's result and its epoch records, trained unless it is finished."""
        request = self._request(experiment)
        if not self._processes.is_rank_zero:
            followed: tuple[Result, list[EpochRecord]] = self.engine.follow(request)
            return followed
        return self._processes.run_on_rank_zero(lambda: self._train(request, callback))

    def _train(self, request: CaseRequest, callback: TrainingCallback | None) -> tuple[Result, list[EpochRecord]]:
        result = self.engine.result(request, callback or TrainingCallback(), self._end)
        return result, self.results.read_epochs(request.case) if result.epochs else []

    def close(self) -> None:
        """Stop what is still being trained."""
        self.engine.close()

    def _request(self, experiment: Experiment) -> CaseRequest:
        case = self.case(experiment)
        return CaseRequest(experiment, case, self.settings.rerun and self._rerun.wants(case.identity))

    def _end(self, case: Case) -> None:
        """A case has come to its end: a rerun that is interrupted now does not train it once more."""
        if self.settings.rerun and self._rerun.wants(case.identity):
            self._rerun.done(case.identity)

    def _require_space(self, experiments: Iterable[Experiment]) -> None:
        """Room for the weights of every case that is to be trained, and for the largest ones' checkpoints."""
        weights, checkpoints = 0, [0]
        for experiment in experiments:
            case = self.case(experiment)
            if self.settings.rerun or not self.results.is_finished(case):
                weight_bytes = self.engine.weight_bytes(experiment)
                weights += weight_bytes
                if case.mode != "quick":
                    checkpoints.append(weight_bytes * checkpoint.most_weights_kept(case))
        needed = weights + sum(sorted(checkpoints)[-self.engine.cases_at_once() :])
        free = shutil.disk_usage(self.results.root).free
        if free < needed:
            raise InputError(
                f"--results-dir {self.results.root} has {free / 2**20:,.0f} MiB free, weights and checkpoints need "
                f"{needed / 2**20:,.0f}: free space, or give another folder"
            )

    def recorded(self, experiment: Experiment) -> Result | None:
        """What the results folder has of the experiment, finished or not; None where that is nothing to trust."""
        with contextlib.suppress(InputError):
            return self.results.find(self.case(experiment))
        return None
