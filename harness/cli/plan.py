"""``plan``: the cases that pytest would train, with their estimated time."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from harness.errors import InputError

if TYPE_CHECKING:
    from harness.analysis.power import Spread
    from harness.config.experiment import Experiment
    from harness.config.settings import Settings
    from harness.study.plan import Planned


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", program: str) -> None:
    """Add the command; its usage has the program's name."""
    parser = commands.add_parser(
        "plan",
        help="show the selected cases with their estimated time on this device",
        usage=f"{program} plan [PYTEST ARGUMENTS]",
        description=f'Takes the arguments that pytest would: {program} plan -k "cifar and resnet20" '
        "--full-training --seeds 0,1. Files default to bench. A few steps of each model are timed; nothing is trained.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace, pytest_arguments: list[str]) -> int:
    """Collect the experiments, and print their estimates.

    Raises:
        InputError: pytest refuses the arguments, or they select no experiment.
    """
    from harness.plugin.collect import collect_experiments

    settings, experiments = collect_experiments(pytest_arguments)
    if not experiments:
        raise InputError("no experiment is selected: `pytest bench --collect-only -q` shows their names")
    _print_plan(settings, experiments)
    return 0


def _print_plan(settings: "Settings", experiments: "list[Experiment]") -> None:
    """Time a few steps of each model, and print a row per experiment."""
    from harness.hardware.device import resolve_device, resolve_precision
    from harness.study.plan import plan
    from harness.text import count_noun, duration, table

    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device, settings.pipeline)
    print(f"timing a few steps of each model on {device}, {precision}, {settings.pipeline} pipeline", file=sys.stderr)
    planned = list(_with_dots(plan(experiments, settings, device, precision)))
    rows = [_cells(one) for one in planned]
    remaining_seconds = sum(one.estimate.total_seconds for one in planned if not one.is_finished)
    print(table(["case", "mode", "epochs", "epoch", "total", "state", "vs recorded"], rows, left=2))
    print(f"\n{count_noun(len(rows), 'case')}; about {duration(remaining_seconds)} of training left on {device}")
    if any(one.estimate_error is not None for one in planned):
        print("vs recorded: this estimate against the epoch times recorded of the same model and dataset")
    for line in _power_lines(settings, planned):
        print(line)


def _power_lines(settings: "Settings", planned: "Sequence[Planned]") -> list[str]:
    """Return, for each dataset with several models in full training, what its seeds can detect."""
    from harness.analysis.power import seed_spread
    from harness.report.loading import load_results_folders

    studies: dict[str, list[Planned]] = {}
    for one in planned:
        if one.experiment.mode != "quick":
            studies.setdefault(one.experiment.dataset, []).append(one)
    studies = {dataset: study for dataset, study in studies.items() if len({one.experiment.model for one in study}) > 1}
    if not studies:
        return []
    found = load_results_folders([settings.results_dir]).evidence
    of_mode = [one for one in found if one.mode == planned[0].experiment.mode]
    return [_power_line(dataset, study, seed_spread(of_mode, dataset)) for dataset, study in studies.items()]


def _power_line(dataset: str, study: "Sequence[Planned]", spread: "Spread") -> str:
    from harness.analysis.axes import find_axes
    from harness.analysis.power import power_sentence, tested_pairs
    from harness.config.datasets import title_of

    seconds = {one.experiment.model: one.estimate.total_seconds for one in study}
    pairs = tested_pairs(find_axes(list(seconds)))
    seeds = len({one.experiment.seed for one in study})
    return f"{title_of(dataset)}: {power_sentence(seeds, len(seconds), pairs, spread, sum(seconds.values()))}"


def _with_dots(planned: "Iterable[Planned]") -> "Iterable[Planned]":
    """Yield each, and print a dot on standard error as it comes."""
    for one in planned:
        print(".", end="", file=sys.stderr, flush=True)
        yield one
    print(file=sys.stderr)


def _cells(planned: "Planned") -> list[str]:
    from harness.text import duration

    experiment, expected = planned.experiment, planned.estimate
    return [
        experiment.label,
        experiment.mode,
        str(expected.epochs),
        duration(expected.epoch_seconds),
        duration(expected.total_seconds),
        "finished" if planned.is_finished else "other code" if planned.is_of_other_code else "to train",
        "" if planned.estimate_error is None else f"{planned.estimate_error:+.0%}",
    ]
