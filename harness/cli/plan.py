"""``plan``: the cases that pytest would train, with their estimated time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.cli.arguments import add_command, add_json_flag, print_json, program
from harness.errors import InputError

if TYPE_CHECKING:
    from harness.analysis.power import Spread
    from harness.cli.arguments import Commands
    from harness.cli.outputs import PlannedCase, PlanOutput, StudyPower
    from harness.config.experiment import Experiment
    from harness.config.settings import Settings
    from harness.study.plan import Planned


_StudyName = tuple[str, str]
"""A dataset, and the variant's name; empty if it is the only one."""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "plan",
        help="show the selected cases with their estimated time on this device",
        description="Take the arguments that pytest would, and show the cases that it would train. Files default to "
        "bench. A few steps of each model are timed; nothing is trained.",
        examples=['plan -k "cifar and resnet20" --full-training --seeds 0,1', "plan my_bench.py --full-training"],
    )
    parser.usage = f"{program()} plan [--json] [PYTEST ARGUMENTS]"
    parser.allow_abbrev = False  # what is not --json is pytest's
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(known: argparse.Namespace, pytest_arguments: list[str]) -> int:
    """Collect the experiments, and print their estimates.

    Raises:
        InputError: pytest refuses the arguments, or they select no experiment.
    """
    from harness.plugin.collect import collect_experiments

    settings, experiments = collect_experiments(pytest_arguments)
    if not experiments:
        raise InputError("no experiment is selected: `pytest bench --collect-only -q` shows their names")
    _print_plan(settings, experiments, as_json=known.json)
    return 0


def _print_plan(settings: Settings, experiments: list[Experiment], *, as_json: bool) -> None:
    """Time a few steps of each model, and print a row per experiment."""
    from harness.cli.outputs import PlanOutput
    from harness.config.experiment import labels_of
    from harness.hardware.device import resolve_device, resolve_precision, slowness_of
    from harness.study.plan import plan

    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device, settings.pipeline)
    print(f"timing a few steps of each model on {device}, {precision}, {settings.pipeline} pipeline", file=sys.stderr)
    if note := slowness_of(precision, device):
        print(note, file=sys.stderr)
    planned = list(_with_dots(plan(experiments, settings, device, precision, _print_note)))
    studies = _studies(settings, planned)
    output = PlanOutput(
        device=str(device),
        precision=precision,
        pipeline=settings.pipeline,
        cases=[_planned_case(one) for one in planned],
        remaining_seconds=sum(one.estimate.total_seconds for one in planned if one.estimate and not one.is_finished),
        power=[_power(name, study, spread) for name, (study, spread) in studies.items()],
    )
    if as_json:
        print_json(output)
        return
    _print_cases(output, labels_of([one.experiment for one in planned]), _slowed_by(planned))
    for line in _recipe_lines(planned):
        print(line)
    for name, (study, spread) in studies.items():
        print(_power_line(name, study, spread))


def _print_cases(output: PlanOutput, labels: Sequence[str], slowed_by: Sequence[str]) -> None:
    from harness.text import count_noun, duration, listed, table
    from harness.training.reuse import REMEDY

    marked = [label + " *" * bool(case.disturbed_by) for label, case in zip(labels, output.cases, strict=True)]
    rows = [[label, *_cells(case)] for label, case in zip(marked, output.cases, strict=True)]
    is_recorded = any(case.estimate_error is not None for case in output.cases)
    columns = ["case", "mode", "epochs", "epoch", "total", "state", *["vs recorded"] * is_recorded]
    print(table(columns, [row[: len(columns)] for row in rows], left=2))
    left = duration(output.remaining_seconds)
    failed = [case for case in output.cases if case.failure]
    without = f", without {count_noun(len(failed), 'case')} of unknown time" if failed else ""
    print(f"\n{count_noun(len(rows), 'case')}; about {left} of training left on {output.device}{without}")
    if failures := {f"{case.dataset} {case.model}": case.failure for case in failed}:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in failures.items())
        print(f"fails: a training step failed as it was timed: {reasons}")
    if is_recorded:
        print("vs recorded: this estimate against the epoch times recorded of the same model and dataset")
    if slowed_by:
        print(f"* too long, disturbed: as the steps were timed, {listed(slowed_by)}")
    if any(case.is_of_other_code for case in output.cases):
        print(f"other code: {REMEDY}")


def _slowed_by(planned: Sequence[Planned]) -> tuple[str, ...]:
    """Return what disturbed the timed steps, in words; each cause with its strongest figure."""
    from harness.results.disturbance import causes_of

    return causes_of(one.estimate.disturbance for one in planned if one.estimate and one.estimate.disturbance)


def _recipe_lines(planned: Sequence[Planned]) -> list[str]:
    """Return a line for each recipe of a dataset: its image size, epochs and augmentation."""
    from harness.config.recipe_text import recipe_line

    experiments = [one.experiment for one in planned]
    return list(dict.fromkeys(recipe_line(one.dataset, one.resolved_recipe, with_mean=False) for one in experiments))


def _studies(settings: Settings, planned: Sequence[Planned]) -> dict[_StudyName, tuple[list[Planned], Spread]]:
    """Return each variant of a dataset with several models in full training, and the spread of seeds."""
    from harness.analysis.power import ASSUMED_SPREAD, seed_spreads
    from harness.report.loading import load_results_folders

    studies: dict[_StudyName, list[Planned]] = {}
    for one in planned:
        if one.experiment.mode != "quick" and not one.experiment.variant.is_trial:
            studies.setdefault((one.experiment.dataset, one.experiment.variant.name), []).append(one)
    studies = {name: study for name, study in studies.items() if len({one.experiment.model for one in study}) > 1}
    if not studies:
        return {}
    spreads = seed_spreads(load_results_folders([settings.results_dir]).evidence)

    def spread(study: Sequence[Planned]) -> Spread:
        one = study[0].experiment
        key = one.dataset, one.mode, one.resolved_recipe.epochs, one.variant.train_fraction
        return spreads.get(key, ASSUMED_SPREAD)

    return {name: (study, spread(study)) for name, study in studies.items()}


def _seeds_models_pairs(study: Sequence[Planned]) -> tuple[int, int, int]:
    """Return the numbers of seeds, models and counterpart pairs of a study."""
    from harness.analysis.axes import find_axes
    from harness.analysis.power import tested_pairs

    models = {one.experiment.model: one.experiment.network for one in study}
    return len({one.experiment.seed for one in study}), len(models), tested_pairs(find_axes(models.values()))


def _power(name: _StudyName, study: Sequence[Planned], spread: Spread) -> StudyPower:
    from harness.analysis.power import TARGET_POINTS, outlook
    from harness.cli.outputs import StudyPower

    seeds, models, pairs = _seeds_models_pairs(study)
    detectable, needed = outlook(seeds, models, pairs, spread.points)
    return StudyPower(
        dataset=name[0],
        variant=name[1],
        seeds=seeds,
        models=models,
        detectable_points=detectable,
        target_points=TARGET_POINTS,
        seeds_needed=needed,
        spread_points=spread.points,
        is_spread_measured=spread.is_measured,
    )


def _power_line(name: _StudyName, study: Sequence[Planned], spread: Spread) -> str:
    from harness.analysis.power import power_sentence
    from harness.config.datasets import title_of

    seconds = {one.experiment.model: one.estimate.total_seconds for one in study if one.estimate}
    total = sum(seconds.values()) if all(one.estimate for one in study) else None
    title = f"{title_of(name[0])} {name[1]}".rstrip()
    return f"{title}: {power_sentence(*_seeds_models_pairs(study), spread, total)}"


def _with_dots(planned: Iterable[Planned]) -> Iterable[Planned]:
    """Yield each, and print a dot on standard error as it comes."""
    for one in planned:
        print(".", end="", file=sys.stderr, flush=True)
        yield one
    print(file=sys.stderr)


def _print_note(line: str) -> None:
    """Print a line among the dots."""
    print(f"\n{line}", end="", file=sys.stderr, flush=True)


def _planned_case(planned: Planned) -> PlannedCase:
    from harness.cli.outputs import PlannedCase

    experiment, expected = planned.experiment, planned.estimate
    return PlannedCase(
        dataset=experiment.dataset,
        model=experiment.model,
        seed=experiment.seed,
        recipe=experiment.recipe.name,
        image_size=experiment.resolved_recipe.image_size,
        mode=experiment.mode,
        epochs=experiment.resolved_recipe.epochs,
        variant=experiment.variant.name,
        train_fraction=experiment.variant.train_fraction,
        epoch_seconds=expected.epoch_seconds if expected else None,
        total_seconds=expected.total_seconds if expected else None,
        is_finished=planned.is_finished,
        is_of_other_code=planned.is_of_other_code,
        estimate_error=planned.estimate_error,
        failure=planned.failure or None,
        disturbed_by=expected.causes if expected else (),
    )


def state_of(case: PlannedCase) -> str:
    """Return the state of a case's training in a word or two."""
    return "finished" if case.is_finished else "other code" if case.is_of_other_code else "to train"


def _cells(case: PlannedCase) -> list[str]:
    from harness.text import duration

    return [
        case.mode,
        str(case.epochs),
        "fails" if case.epoch_seconds is None else duration(case.epoch_seconds),
        "" if case.total_seconds is None else duration(case.total_seconds),
        state_of(case),
        "" if case.estimate_error is None else f"{case.estimate_error:+.0%}",
    ]
