"""A study: experiments prepared together, then trained by an engine. Knows nothing of pytest."""

import contextlib
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from harness.analysis.studies import study_subject, tuned_subject
from harness.config.case import Case
from harness.config.experiment import Experiment, labels_of
from harness.config.settings import Settings
from harness.errors import InputError
from harness.files import require_writable
from harness.results.folder import ResultsFolder
from harness.results.listing import require_readable
from harness.results.result import EpochRecord, Result
from harness.results.timing import processes_of
from harness.study.engines import CaseRequest, make_engine
from harness.study.kept import find_kept, find_outdated
from harness.study.rerun import Rerun
from harness.text import count_noun
from harness.tracking.followed import FollowedCase
from harness.tracking.session import TrackingSession
from harness.training import checkpoint
from harness.training.callback import TrainingCallback
from harness.training.code_version import training_code_version
from harness.training.known_networks import remember_network
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup
from harness.training.reuse import keeps_results
from harness.training.source_commit import source_commit
from harness.training.torchrun import distributed_settings, require_image_per_process, require_same_values

Value = TypeVar("Value")


class Study:
    """The engine and the results folder that the settings ask for, and the experiments trained by them."""

    def __init__(self, settings: Settings, processes: ProcessGroup = SINGLE_PROCESS) -> None:
        """Make the engine that the settings name.

        Args:
            processes: the process group that trains every case together.

        Raises:
            InputError: the device is not available or does not support the precision, or no cluster answers.
        """
        self.settings = settings = distributed_settings(settings, processes)
        self.results = ResultsFolder(settings.results_dir)
        self.engine = make_engine(settings, self.results, processes)
        self._processes = processes
        self._rerun = Rerun(settings.results_dir)
        self._kept: dict[str, str] = {}
        self.tracking = TrackingSession(settings.track or (), settings.results_dir)
        self._has_trackers = False
        self._announced: set[str] = set()

    def prepare(self, experiments: Collection[Experiment], notify: Callable[[str], None] = lambda _: None) -> None:
        """Check before any training that every experiment can be trained, then announce them to the engine.

        A later call adds experiments; those whose cases are announced already stay as they are.

        Args:
            notify: called with a line about each step that may take long.

        Raises:
            InputError: a folder cannot be written to, data are missing, damaged or do not fit their recipe, or other
                code has trained a case.
        """
        with self._processes.raising_together():
            new = self._prepare_rank(experiments, notify)
        if self.is_distributed:
            bound = [self.resolved(experiment) for experiment in new]
            cases = dict(zip(labels_of(bound), map(self.case, bound), strict=True))
            precisions = {f"the precision of {label}": one.precision for label, one in cases.items()}
            identities = {label: one.identity for label, one in cases.items()}
            code = {"the harness's training code": training_code_version()}
            require_same_values(precisions | identities | code, self._processes)
        requests = list(map(self._request, new))
        self._announced |= {request.case.identity for request in requests}
        self.tracking.follow(map(self._followed, requests))
        self.engine.submit(requests, self._mark_ended)

    def _prepare_rank(self, experiments: Collection[Experiment], notify: Callable[[str], None]) -> list[Experiment]:
        """Check what this process can check by itself; return the experiments to announce, one of each case.

        Rank 0 alone checks the folders.
        """
        if self._processes.is_rank_zero:
            for name, folder in (("results-dir", self.settings.results_dir), ("report-dir", self.settings.report_dir)):
                require_writable(folder, f"--{name}")
            require_readable(self.settings.results_dir)
            if not self._has_trackers:
                self.tracking.start()
                self._has_trackers = True
            if (commit := source_commit()).is_refused:
                notify(f"commit unknown: {commit.problem}")
        self.engine.prepare(experiments, notify)
        # One case may be two experiments: a model's best rate may be the recipe's.
        by_identity: dict[str, Experiment] = {}
        for one in experiments:
            by_identity.setdefault(self.case(one).identity, one)
        new = [one for identity, one in by_identity.items() if identity not in self._announced]
        for experiment in new:
            require_image_per_process(self.case(experiment).recipe, experiment.label, self._processes)
        if self._processes.is_rank_zero:
            self._check_folders(new, notify)
        return new

    def _check_folders(self, experiments: Sequence[Experiment], notify: Callable[[str], None]) -> None:
        """Check the disk space and what is stored of the experiments; keep what is finished."""
        # Here too: a cluster trains on other machines, and kept results are not trained again.
        for own in dict.fromkeys(experiment.own for experiment in experiments if experiment.own is not None):
            remember_network(own)
        self._require_disk_space(experiments)
        if self.settings.rerun:
            cases = [self.case(experiment) for experiment in experiments]
            outdated = [] if self.settings.accept_other_code else find_outdated(cases, self.results)
            if retrained := self._rerun.begin([case.identity for case in cases], outdated):
                notify(f"resuming the interrupted --rerun: {count_noun(retrained, 'case')} already trained again")
        requests = map(self._request, experiments)
        kept = [request.case for request in requests if not request.rerun]
        accept_other_code = self.settings.accept_other_code
        self._kept |= find_kept(kept, self.results, accept_other_code=accept_other_code, notify=notify)

    @property
    def is_distributed(self) -> bool:
        """True if several processes train every case together."""
        return self._processes.is_distributed

    @property
    def processes(self) -> str:
        """The processes that train every case together, human-readable: ``1 process``."""
        return processes_of(self._processes.to_json())

    def case(self, experiment: Experiment) -> Case:
        """Return the experiment's case: bound to the images, the kind of device and the precision."""
        return self.engine.case(experiment)

    def subject(self, experiment: Experiment) -> str:
        """Return the subject of the experiment's study, as `Evidence.subject` has it."""
        if experiment.variant.is_tuned:
            return tuned_subject(self.case(experiment.at_common_rate))
        return study_subject(self.case(experiment))

    def resolved(self, experiment: Experiment) -> Experiment:
        """Return a prepared experiment with the recipe that its images decide: that of its case."""
        case = self.case(experiment)
        return replace(experiment, recipe=case.recipe, mode=case.mode)

    def train(
        self, experiment: Experiment, callback: TrainingCallback | None = None
    ) -> tuple[Result, list[EpochRecord]]:
        """Return the experiment's result and its epoch records; train it unless it is finished."""
        return self.engine.train(self._request(experiment), callback or TrainingCallback(), self._mark_ended)

    def is_finished(self, experiment: Experiment) -> bool:
        """Return whether `train` would return the experiment's recorded result; its files are not checked."""
        request = self._request(experiment)
        return not request.rerun and keeps_results(request.case.mode) and self.results.is_finished(request.case)

    def epochs_left(self, experiment: Experiment) -> int:
        """Return the number of epochs that `train` would train: all, those after a checkpoint, or none."""
        if self.is_finished(experiment):
            return 0
        case = self.case(experiment)
        epochs = case.recipe.epochs
        if checkpoint.is_any_left(self.results.folder(case)):
            with contextlib.suppress(InputError):
                epochs -= len(self.results.read_epochs(case))
        return epochs

    def is_reused(self, result: Result) -> bool:
        """Return whether a result was finished before this session, and kept instead of training its case."""
        return self._kept.get(result.case.identity) == result.finished_at

    def on_rank_zero(self, act: Callable[[], Value]) -> Value:
        """Return the value of ``act`` on rank 0, on every rank."""
        if self._processes.is_rank_zero:
            return self._processes.run_on_rank_zero(act)
        followed: Value = self._processes.follow(lambda _: None)
        return followed

    def cancel(self, experiments: Iterable[Experiment]) -> None:
        """Cancel experiments that an engine trains or would train; those that are finished stay so."""
        self.engine.cancel([self.case(experiment) for experiment in experiments])

    def close(self) -> None:
        """Stop what is still being trained."""
        self.engine.close()

    def _request(self, experiment: Experiment) -> CaseRequest:
        case = self.case(experiment)
        rerun = self.settings.rerun and self._rerun.is_pending(case.identity)
        return CaseRequest(self.resolved(experiment), case, rerun, self.settings.accept_other_code)

    def _followed(self, request: CaseRequest) -> FollowedCase:
        """Return the case for the trackers, which do not log an earlier training that this session replaces."""
        case = request.case
        is_replaced = self.results.is_finished(case) and case.identity not in self._kept
        from_scratch = is_replaced or not keeps_results(case.mode)
        return FollowedCase.of(case, self.results, from_scratch=from_scratch, variant=request.experiment.variant)

    def _mark_ended(self, case: Case) -> None:
        """Record that a case's training has ended: a resumed rerun does not train it again."""
        if self.settings.rerun and self._rerun.is_pending(case.identity):
            self._rerun.mark_done(case.identity)

    def _require_disk_space(self, experiments: Iterable[Experiment]) -> None:
        """Raise an `InputError` unless the disk has room for all weights and the largest cases' checkpoints."""
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
                f"--results-dir {self.results.root} has {free / 2**20:,.0f} MiB free, but weights and checkpoints need "
                f"{needed / 2**20:,.0f} MiB: free space, or give another --results-dir"
            )

    def find_result(self, experiment: Experiment) -> Result | None:
        """Return the experiment's recorded result, finished or not; None if there is none, or it is damaged."""
        with contextlib.suppress(InputError):
            return self.results.find(self.case(experiment))
        return None
