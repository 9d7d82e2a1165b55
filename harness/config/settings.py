"""The options of a study, from command line, environment or ini file. Needs no torch, no pytest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.data_folder import default_data_dir
from harness.config.limits import GUARD_OPTIONS, Allowance
from harness.config.option import Option
from harness.config.option_checks import check_combination
from harness.config.option_values import (
    boolean,
    cluster_address,
    fraction,
    gpu_share,
    one_of,
    path,
    percentage_points,
    positive,
    seeds,
    time_seconds,
    trackers,
)
from harness.errors import InputError

if TYPE_CHECKING:  # pytest imports this module in every session, also where nothing is trained
    from harness.config.case import Mode, Pipeline
    from harness.config.recipe import Recipe


@dataclass(frozen=True)
class Settings:
    """The parsed and checked values of all options; only device and precision are checked later, by torch.

    Attributes:
        seeds: None for each experiment's own.
        margin: in percentage points.
        budget: in seconds; None without a limit.
        baseline: the folder of results to compare with; None for no comparison.
        max_accuracy_drop, max_f1_drop, max_epoch_time, max_params, max_macs, max_memory: None for the default limit.
        track: names of trackers, see `harness.tracking.registry`; None without one.
    """

    full_training: bool
    epochs: int | None
    seeds: tuple[int, ...] | None
    data_dir: Path
    results_dir: Path
    report_dir: Path
    device: str
    precision: str
    rerun: bool
    val_split: float
    pipeline: Pipeline
    compile: str
    engine: str
    ray_address: str | None
    cpus_per_case: int | None
    gpus_per_case: float | None
    exclusive: bool
    margin: float
    until_decided: bool
    budget: float | None
    accept_other_code: bool
    baseline: Path | None
    max_accuracy_drop: Allowance | None
    max_f1_drop: Allowance | None
    max_epoch_time: Allowance | None
    max_params: Allowance | None
    max_macs: Allowance | None
    max_memory: Allowance | None
    track: tuple[str, ...] | None

    def seeds_for(self, own: tuple[int, ...]) -> tuple[int, ...]:
        """Return the given seeds, else an experiment's own; of these a quick run takes only the first."""
        return self.seeds or (own if self.full_training else own[:1])

    def adapt(self, recipe: Recipe) -> tuple[Recipe, Mode]:
        """Return the recipe adapted to these settings, and the mode that this makes."""
        if not self.full_training:
            return recipe.quick(), "quick"
        if self.epochs is None or self.epochs == recipe.epochs:
            return recipe, "full"
        return recipe.with_epochs(self.epochs), "shortened"


OPTIONS = (
    Option(
        "full-training",
        "false",
        boolean,
        "train every case to completion on the whole dataset (default: a quick run, whose accuracy means nothing)",
    ),
    Option(
        "epochs",
        "",
        positive,
        "train N epochs instead of the recipe's, e.g. 30; milestones scale in proportion; needs --full-training",
        "N",
    ),
    Option(
        "seeds", "", seeds, "train each model once per seed, e.g. 0,1,2 (default: the experiment's own, or 0)", "LIST"
    ),
    Option(
        "data-dir",
        "",
        path,
        "folder of the datasets, with a sub-folder for each, e.g. ~/data (default: the user's cache folder)",
        "DIR",
    ),
    Option("results-dir", "results", path, "folder for results (default: results)", "DIR"),
    Option("report-dir", "report", path, "folder for the report's page, tables and figures (default: report)", "DIR"),
    Option(
        "device",
        "auto",
        str,
        "auto, cpu, cuda, cuda:N or mps, e.g. cuda:1 (default: auto, the fastest one present)",
        "DEVICE",
    ),
    Option(
        "precision",
        "auto",
        str,
        "auto, fp32, tf32 or bf16 (default: auto, bf16 on GPUs that support it, else fp32)",
        "PRECISION",
    ),
    Option("rerun", "false", boolean, "train finished cases again, from scratch"),
    Option(
        "val-split",
        "0",
        fraction,
        "hold out this share of the training images for the evaluation after each epoch, e.g. 0.1 (default: 0, the "
        "paper's protocol: the test set after each epoch)",
        "FRACTION",
    ),
    Option(
        "pipeline",
        "fast",
        one_of("fast", "reference"),
        "fast, or reference, the study's own way: eager float32, images transformed one by one in loader processes, "
        "the loss read at each step (default: fast)",
        "PIPELINE",
    ),
    Option(
        "compile",
        "auto",
        one_of("auto", "on", "off"),
        "compile networks: auto, on or off (default: auto, on CUDA if the run is long enough to repay compiling)",
        "WHEN",
    ),
    Option(
        "engine",
        "local",
        one_of("local", "ray"),
        "local: one case after the other in this process; ray: many cases at once on a Ray cluster (default: local)",
        "ENGINE",
    ),
    Option(
        "ray-address",
        "",
        cluster_address,
        "cluster of --engine ray: auto, the one this machine belongs to, or HOST:PORT, e.g. 10.0.0.1:6379 (default: a "
        "new one on this machine only)",
        "ADDRESS",
    ),
    Option(
        "cpus-per-case",
        "",
        positive,
        "CPUs, and as many threads, per case on a cluster, e.g. 4 (default: 1; with --exclusive, all CPUs of a node)",
        "N",
    ),
    Option(
        "gpus-per-case",
        "",
        gpu_share,
        "GPUs per case on a cluster: 1, 0, or a share of one, e.g. 0.5 (default: 1 if the cluster has GPUs)",
        "N",
    ),
    Option("exclusive", "false", boolean, "give each case a node of its own, so that training times are comparable"),
    Option(
        "margin",
        "0.5",
        percentage_points,
        "models are equal if their accuracies are shown to differ by less than PP percentage points, e.g. 1 "
        "(default: 0.5)",
        "PP",
    ),
    Option(
        "until-decided",
        "false",
        boolean,
        "train seed by seed, and skip the remaining seeds of a study once its verdicts are decided; needs "
        "--full-training and two seeds or more",
    ),
    Option(
        "budget",
        "",
        time_seconds,
        "train seed by seed, the cheapest models first, and skip a case that does not fit into what is left of this "
        "time, e.g. 90s, 30m, 2h, 1d or 1h30m; needs --full-training",
        "TIME",
    ),
    Option(
        "accept-other-code",
        "false",
        boolean,
        "keep results, and resume cases, that another version of the code has trained; every table marks them",
    ),
    *GUARD_OPTIONS,
    Option(
        "track",
        "",
        trackers,
        "log every case to tensorboard, mlflow or both, e.g. tensorboard,mlflow; a tracker of your own is MODULE:CLASS",
        "TRACKERS",
    ),
)


def read_settings(
    command_line: Mapping[str, Any], environment: Mapping[str, str] = os.environ, ini: Mapping[str, str] | None = None
) -> Settings:
    """Read each setting from the command line, else the environment, else the ini file, else its default.

    Args:
        command_line, ini: values by `Option.key`; None or absent if not given.
        environment: environment variables.

    Raises:
        InputError: a value is invalid, and the message names its origin; or two options contradict each other.
    """
    values: dict[str, Any] = {}
    for option in OPTIONS:
        given = command_line.get(option.key)
        places = (
            (f"--{option.name}", None if given in (None, False) else str(given)),
            (option.variable, environment.get(option.variable) or None),
            (f"ini key {option.key}", (ini or {}).get(option.key) or None),
        )
        place, text = next(((place, text) for place, text in places if text is not None), ("default", option.default))
        if text == "" and place == "default":
            values[option.key] = None
            continue
        try:
            values[option.key] = option.parse(text)
        except ValueError as error:
            raise InputError(f"{place} {text!r}: {error}") from error
    check_combination(values)
    return Settings(**(values | {"data_dir": values["data_dir"] or default_data_dir()}))
