"""The plan of a study: its experiments, their estimated times, and the errors of earlier estimates."""

import contextlib
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from harness.config.case import Case
from harness.config.datasets import DatasetSpec, is_own_images, kind_of
from harness.config.experiment import Experiment
from harness.config.recipe import Recipe, Resize
from harness.config.recipes import QUICK_TEST_IMAGES, QUICK_TRAIN_IMAGES
from harness.config.settings import Settings
from harness.data import registry
from harness.data.source import each_key_once
from harness.errors import InputError
from harness.hardware.device import resolve_precision
from harness.hardware.memory import is_out_of_memory, release_freed_memory
from harness.models.foreign import raised
from harness.models.identity import network_identity
from harness.results.declared_tuning import DeclaredTuning, read_declared_tuning
from harness.results.folder import ResultsFolder
from harness.results.result import Result
from harness.study.estimate import EpochKind, Estimate, estimate, recorded_epoch_seconds
from harness.study.reproduce import load_images
from harness.study.resolution import outline, resize_of, resolve
from harness.study.tuning import declaration, needs_tuning, trials_of, with_trials
from harness.text import MOST_NAMED, listed_up_to, one_line
from harness.throughput.repetition import PLAN_SECONDS, Repetition
from harness.training.code_version import other_code
from harness.training.reuse import keeps_results

_SpecOf = Callable[[str], DatasetSpec]
_EXPECTED_ERRORS = (InputError, RuntimeError)  # torch raises RuntimeError if a device or a loader's process fails


@dataclass(frozen=True)
class Planned:
    """An experiment with its estimate.

    Attributes:
        experiment: with its recipe; of a `Standard`, mean and deviation are assumed unless a result may have them.
        is_finished: its result is in the results folder, and would be reused.
        is_of_other_code: another version of the code has trained that result, and it is not accepted.
        estimate: None if its steps could not be timed.
        estimate_error: the estimated over the recorded epoch time, minus 1; None if no epoch is recorded.
        failure: the reason why its steps could not be timed; empty if they were.
    """

    experiment: Experiment
    estimate: Estimate | None
    is_finished: bool
    is_of_other_code: bool
    estimate_error: float | None
    failure: str = ""


class TimingError(Exception):
    """Steps that could not be timed; the message is the reason, in a line."""


def plan(
    experiments: Iterable[Experiment],
    settings: Settings,
    device: torch.device,
    precision: str,
    notify: Callable[[str], None] = lambda _: None,
) -> Iterator[Planned]:
    """Yield each experiment with its estimate; those that differ by seed or schedule alone are timed once.

    Trials of learning rates come first. An experiment whose steps cannot be timed has the reason instead, and the
    others are planned.

    Args:
        notify: callback that receives a line about each result that cannot be read, and about each model whose steps
            were disturbed.

    Raises:
        InputError: the device does not support the precision, or the data or the results folder cannot be read.
    """
    results: dict[str, list[Result]] = defaultdict(list)
    stored, problems = ResultsFolder(settings.results_dir).read_all()
    if problems:
        notify(f"left out: {listed_up_to(problems, MOST_NAMED, 'result')}")
    for result in stored:
        results[result.model].append(result)
    estimates: dict[EpochKind, Estimate | str] = {}
    spec_of = functools.cache(partial(registry.get_spec, data_dir=settings.data_dir))
    outlined = functools.cache(partial(_outlined, settings, spec_of))
    repetition = Repetition(notify, max_seconds=PLAN_SECONDS)
    for given in _with_trials(list(experiments), settings, spec_of, device.type, precision):
        experiment = replace(outlined(replace(given, seed=0)), seed=given.seed)
        recipe, key = experiment.resolved_recipe, EpochKind.of(experiment, settings)
        if key not in estimates:
            estimates[key] = _estimate_or_reason(experiment, settings, device, precision, repetition)
        found = estimates[key]
        timed, failure = (None, found) if isinstance(found, str) else (replace(found, epochs=recipe.epochs), "")
        kept = _results_on_dataset(results[experiment.model], experiment, settings)
        experiment = _with_statistics(given, experiment, [one.case for one in kept], settings, spec_of)
        recorded = _recorded_seconds(experiment, kept, settings, device.type, precision)
        with each_key_once():
            there = [one for one in kept if is_result_of(one, experiment, settings, device.type, precision)]
        is_kept = bool(there) and not needs_tuning(experiment) and not settings.rerun and keeps_results(experiment.mode)
        is_other = is_kept and not settings.accept_other_code and bool(other_code(there[0].training_environments))
        error = timed.epoch_seconds / recorded - 1 if timed and recorded else None
        yield Planned(experiment, timed, is_kept and not is_other, is_other, error, failure)


def _recorded_seconds(
    experiment: Experiment, kept: list[Result], settings: Settings, device_kind: str, precision: str
) -> float | None:
    """Return the mean epoch time of the experiment's kept results; None without any."""
    split, deterministic = settings.val_split_of(experiment.variant), settings.deterministic_on(device_kind)
    pipeline = settings.pipeline
    return recorded_epoch_seconds(
        experiment, kept, device_kind, precision, pipeline, val_split=split, deterministic=deterministic
    )


def _estimate_or_reason(
    experiment: Experiment, settings: Settings, device: torch.device, precision: str, repetition: Repetition
) -> Estimate | str:
    """Return the estimate, or the reason why the steps cannot be timed."""
    try:
        return estimate_experiment(experiment, settings, device, precision, repetition)
    except TimingError as error:
        return str(error)


def _outlined(settings: Settings, spec_of: _SpecOf, experiment: Experiment) -> Experiment:
    """Return the experiment with assumed statistics of its images if these decide its recipe."""
    if isinstance(experiment.recipe, Recipe):
        return experiment
    spec = spec_of(experiment.dataset)
    undivided = replace(experiment, variant=replace(experiment.variant, train_fraction=1.0, val_split=0.0))
    train_images, _ = _images_per_epoch(undivided, resize_of(experiment, spec.image_size), spec, settings)
    return outline(experiment, settings, spec, train_images)


def _with_trials(
    experiments: Sequence[Experiment], settings: Settings, spec_of: _SpecOf, device_kind: str, precision: str
) -> list[Experiment]:
    """Return experiments after their trials, at the rates that the results folder has chosen for them."""
    declared = read_declared_tuning(settings.results_dir)
    measured = functools.cache(partial(_measured, settings, spec_of, declared))
    tuning_of = partial(_declared_tuning, settings, device_kind, precision, declared)
    return with_trials(experiments, settings, measured, tuning_of)


def _measured(
    settings: Settings, spec_of: _SpecOf, declared: Sequence[DeclaredTuning], experiment: Experiment
) -> Experiment:
    """Return the experiment with its images' statistics if a tuning may be its own, else assumed ones."""
    cases = [one.plain for one in declared if kind_of(one.plain.dataset) == kind_of(experiment.dataset)]
    return _with_statistics(experiment, _outlined(settings, spec_of, experiment), cases, settings, spec_of)


def _declared_tuning(
    settings: Settings,
    device_kind: str,
    precision: str,
    declared: Sequence[DeclaredTuning],
    plain: Experiment,
    seeds: tuple[int, ...],
) -> DeclaredTuning | None:
    """Return the latest tuning that has chosen a model's rate by these settings' trials, or None."""
    for one in reversed(declared):
        if one.chosen is None or one.model != plain.model or not set(seeds) <= set(one.seeds):
            continue
        case = plain.bind(
            device_kind=device_kind,
            precision=precision,
            data_fingerprint=one.plain.data_fingerprint,
            val_split=settings.val_split_of(plain.variant),
            pipeline=settings.pipeline,
            network=_identity_of_own(plain, settings),
            deterministic=settings.deterministic_on(device_kind),
        )
        trial = trials_of(plain, settings, one.seeds)[0]
        if declaration(case, trial, settings.learning_rates or (), one.seeds).is_of(one) and (
            not is_own_images(plain.dataset) or _fingerprint(plain, settings) == one.plain.data_fingerprint
        ):
            return one
    return None


def _with_statistics(
    given: Experiment, outlined: Experiment, known: Iterable[Case], settings: Settings, spec_of: _SpecOf
) -> Experiment:
    """Return the experiment with its images' statistics if a known case may be its own."""
    if isinstance(given.recipe, Recipe) or all(one.recipe.name != given.recipe.name for one in known):
        return outlined  # the images need not be loaded
    mode, data_dir = given.mode, settings.data_dir
    own_size = spec_of(given.dataset).image_size
    return resolve(given, settings, own_size, lambda resize: load_images(given.dataset, mode, resize, data_dir))


def _results_on_dataset(results: Iterable[Result], experiment: Experiment, settings: Settings) -> list[Result]:
    """Return the results on the experiment's dataset; a user's folder is known by its images."""
    if not is_own_images(experiment.dataset):
        return [one for one in results if one.dataset == experiment.dataset]
    resize = experiment.resolved_recipe.resize
    own = [one for one in results if is_own_images(one.dataset) and one.case.recipe.resize == resize]
    if not own:
        return []  # the images need not be loaded
    fingerprint = _fingerprint(experiment, settings)
    return [one.under_name(experiment.dataset) for one in own if one.case.data_fingerprint == fingerprint]


def _fingerprint(experiment: Experiment, settings: Settings) -> str:
    resize = experiment.resolved_recipe.resize
    return load_images(experiment.dataset, experiment.mode, resize, settings.data_dir).fingerprint


def estimate_experiment(
    experiment: Experiment,
    settings: Settings,
    device: torch.device,
    precision: str,
    repetition: Repetition | None = None,
) -> Estimate:
    """Time a few steps of the experiment and scale them to its numbers of images and epochs.

    Args:
        repetition: it times disturbed steps again; None for a few seconds of repetition.

    Raises:
        InputError: the device does not support the precision, or the data cannot be read.
        TimingError: the steps could not be timed: memory ran out, torch failed, or a network that is not one of the
            harness raised an error.
    """
    resolve_precision(precision, device, settings.pipeline)
    spec = registry.get_spec(experiment.dataset, settings.data_dir)
    images = _images_per_epoch(experiment, experiment.resolved_recipe.resize, spec, settings)
    deterministic, pipeline = settings.deterministic_on(device.type), settings.pipeline
    try:
        return estimate(
            experiment, spec, *images, device, precision, pipeline, deterministic=deterministic, repetition=repetition
        )
    except Exception as error:
        if not (experiment.network.is_foreign or is_out_of_memory(error) or isinstance(error, _EXPECTED_ERRORS)):
            raise  # a fault of the harness
        reason = _reason(error)
    with contextlib.suppress(RuntimeError):  # of a GPU that failed for good
        release_freed_memory(device)  # here: the error held the tensors of the failed step
    raise TimingError(reason)


def _reason(error: Exception) -> str:
    if is_out_of_memory(error):
        return "out of memory"
    return one_line(str(error)) if isinstance(error, InputError) else raised(error)


def _images_per_epoch(experiment: Experiment, resize: Resize, spec: DatasetSpec, settings: Settings) -> tuple[int, int]:
    """Return about how many images an epoch trains and evaluates: of those on disk, else published."""
    if experiment.mode == "quick":
        return QUICK_TRAIN_IMAGES, QUICK_TEST_IMAGES
    source = registry.locate(experiment.dataset, settings.data_dir, resize=resize)
    train, test = source.count() if source else (spec.train_images, spec.test_images)
    held_out = round(train * settings.val_split_of(experiment.variant))
    return max(1, round(experiment.variant.train_fraction * (train - held_out))), held_out or test


def is_result_of(result: Result, experiment: Experiment, settings: Settings, device_kind: str, precision: str) -> bool:
    """Return whether a result on the experiment's dataset belongs to the experiment."""
    case = result.case
    return (
        result.is_finished
        and (case.dataset, case.model, case.seed) == (experiment.dataset, experiment.model, experiment.seed)
        and (case.mode, case.recipe) == (experiment.mode, experiment.recipe)
        and (case.device_kind, case.precision) == (device_kind, precision)
        and (case.val_split, case.pipeline) == (settings.val_split_of(experiment.variant), settings.pipeline)
        and case.train_fraction == experiment.variant.train_fraction
        and case.deterministic == settings.deterministic_on(device_kind)
        and not result.stand_in
        and case.network == _identity_of_own(experiment, settings)
    )


def _identity_of_own(experiment: Experiment, settings: Settings) -> str:
    """Return the identity of the user's own network; empty without one, and then no images are looked for."""
    if experiment.own is None:
        return ""
    return network_identity(experiment.own, registry.get_spec(experiment.dataset, settings.data_dir))
