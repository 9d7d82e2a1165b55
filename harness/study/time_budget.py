"""The time budget of a session: the expected time of each case, and the cases that no longer fit."""

import math
import time
from collections import defaultdict
from collections.abc import Callable

from harness.config.experiment import Experiment
from harness.hardware.device import resolve_device
from harness.results.result import Result
from harness.study.estimate import EpochKind, recorded_epoch_seconds
from harness.study.plan import TimingError, estimate_experiment
from harness.study.study import Study
from harness.text import duration


class TimeBudget:
    """The time that a session may take, and the cases skipped for it.

    An epoch of a model takes as long as its recorded epochs on this kind of device; without any, a few steps are timed.
    A case whose steps cannot be timed does not fit.
    """

    def __init__(
        self, budget_seconds: float, study: Study, started_seconds: float, now: Callable[[], float] = time.perf_counter
    ) -> None:
        """Read the recorded times in the study's results folder.

        Args:
            started_seconds: the session's start, by ``now``.
        """
        self._budget_seconds, self._study = budget_seconds, study
        self._started_seconds, self._now = started_seconds, now
        self._estimated: dict[EpochKind, float | str] = {}
        self._results: dict[tuple[str, str], list[Result]] = defaultdict(list)
        for result in study.results.read_all()[0]:
            self.add(result)
        self._fits: dict[Experiment, bool] = {}

    def add(self, result: Result) -> None:
        """Add a result: later estimates use its epoch times."""
        self._results[result.dataset, result.model].append(result)

    def case_seconds(self, experiment: Experiment) -> float:
        """Return the expected time of the whole case, from scratch; infinite if it is unknown."""
        return _known(self._epoch_seconds(experiment)) * experiment.resolved_recipe.epochs

    def reason_to_skip(self, experiment: Experiment) -> str | None:
        """Return the reason to skip the case; None if it fits into the time left."""
        left = self.seconds_left
        epochs = self._study.epochs_left(experiment)
        epoch_seconds = self._epoch_seconds(experiment) if epochs else 0.0
        needed = _known(epoch_seconds) * epochs if epochs else 0.0
        self._fits[experiment] = needed <= left
        if needed <= left:
            return None
        if isinstance(epoch_seconds, str):
            return f"its time is unknown ({epoch_seconds}): leave out {self._option} to train it"
        return f"does not fit: about {duration(needed)}, {duration(left)} of {self._option} left"

    def notes(self) -> dict[str, list[str]]:
        """Return, for each study with skipped cases, by `Evidence.subject`, a line that says so."""
        by_study: dict[str, list[bool]] = defaultdict(list)
        for experiment, fits in self._fits.items():
            by_study[self._study.subject(experiment)].append(fits)
        return {
            subject: [
                f"Rests on {sum(fits)} of {len(fits)} cases: {fits.count(False)} did not fit into {self._option}."
            ]
            for subject, fits in by_study.items()
            if not all(fits)
        }

    @property
    def seconds_left(self) -> float:
        """The time left of the budget."""
        return max(0.0, self._budget_seconds - (self._now() - self._started_seconds))

    @property
    def _option(self) -> str:
        text = duration(self._budget_seconds)
        return f"--budget {text.removesuffix('00s').removesuffix('00m').removesuffix('00h')}"

    def _epoch_seconds(self, experiment: Experiment) -> float | str:
        """Return the expected time of an epoch, or the reason why it is unknown."""
        case, settings = self._study.case(experiment), self._study.settings
        kept = self._results[experiment.dataset, experiment.model]
        recorded = recorded_epoch_seconds(
            experiment,
            kept,
            case.device_kind,
            case.precision,
            case.pipeline,
            val_split=case.val_split,
            deterministic=case.deterministic,
            compiled=case.compiled,
            processes=self._study.processes,
        )
        if recorded is not None:
            return recorded
        key = EpochKind.of_case(case)
        if key not in self._estimated:
            device = resolve_device(settings.device)
            try:
                self._estimated[key] = estimate_experiment(experiment, settings, device, case.precision).epoch_seconds
            except TimingError as error:
                self._estimated[key] = str(error)
        return self._estimated[key]


def _known(seconds: float | str) -> float:
    return math.inf if isinstance(seconds, str) else seconds
