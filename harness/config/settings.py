"""The options of a study, from command line, environment or ini file. Needs no torch, no pytest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.config.data_folder import default_data_dir
from harness.config.limits import Allowance
from harness.config.option import Option, rename_options
from harness.config.option_checks import check_combination
from harness.config.options import OPTIONS
from harness.config.variant import Variant, every_variant
from harness.errors import InputError

if TYPE_CHECKING:  # pytest imports this module in every session, also where nothing is trained
    from harness.config.case import Mode, Pipeline
    from harness.config.recipe import Recipe


@dataclass(frozen=True)
class Settings:
    """The parsed and checked values of all options; only device and precision are checked later, by torch.

    Attributes:
        epochs: numbers of epochs instead of the recipe's, each a schedule of its own; None for the recipe's.
        seeds: None for each experiment's own.
        learning_rates: those among which each model's is chosen; None to train at the recipe's alone.
        tune_epochs: share of the recipe's epochs at which the learning rates are tried.
        train_fraction: shares of the training images, each a study of its own; None for all images.
        target: accuracy in percent to which time is measured; None for the least one of the smallest model's seeds.
        margin: in percentage points.
        budget: in seconds; None without a limit.
        baseline: the folder of results to compare with; None for no comparison.
        max_accuracy_drop, max_f1_drop, max_epoch_time, max_params, max_macs, max_memory, max_latency, max_image_time:
            None for the default limit.
        track: names of trackers, see `harness.tracking.registry`; None without one.
    """

    full_training: bool
    epochs: tuple[int, ...] | None
    seeds: tuple[int, ...] | None
    learning_rates: tuple[float, ...] | None
    tune_epochs: float
    train_fraction: tuple[float, ...] | None
    target: float | None
    data_dir: Path
    results_dir: Path
    report_dir: Path
    device: str
    precision: str
    rerun: bool
    val_split: float
    pipeline: Pipeline
    compile: str
    fsdp: bool
    deterministic: bool
    cases_per_device: int | Literal["auto"] | None
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
    max_latency: Allowance | None
    max_image_time: Allowance | None
    public: bool
    track: tuple[str, ...] | None

    def seeds_for(self, own: tuple[int, ...]) -> tuple[int, ...]:
        """Return the given seeds, else an experiment's own; of these a quick run takes only the first."""
        return self.seeds or (own if self.full_training else own[:1])

    def deterministic_on(self, device_kind: str) -> bool:
        """Return whether kernels are chosen by their bits; on a CPU all of them give the same in every run."""
        return self.deterministic and device_kind != "cpu"

    def variants(self) -> tuple[Variant, ...]:
        """Return what is compared for each model and seed: schedules, shares of the images, learning rates."""
        are_tuned = self.learning_rates is not None
        return every_variant(self.epochs or (None,), self.train_fraction or (1.0,), are_tuned=are_tuned)

    def val_split_of(self, variant: Variant) -> float:
        """Return the share of the training images that a variant holds out."""
        return self.val_split if variant.val_split is None else variant.val_split

    def adapt(self, recipe: Recipe, variant: Variant) -> tuple[Recipe, Mode]:
        """Return the recipe adapted to these settings and the variant, and the mode that this makes."""
        mode = self.mode_of(recipe.epochs, variant)
        if mode == "quick":
            return recipe.quick(), mode
        if variant.epochs is not None and mode == "shortened":
            recipe = recipe.with_epochs(variant.epochs)
        return recipe if variant.learning_rate is None else replace(recipe, learning_rate=variant.learning_rate), mode

    def mode_of(self, recipe_epochs: int | None, variant: Variant) -> Mode:
        """Return the mode of a recipe with so many epochs; None if the images decide their number."""
        if not self.full_training:
            return "quick"
        return "full" if variant.epochs in (None, recipe_epochs) else "shortened"


def read_settings(
    command_line: Mapping[str, Any], environment: Mapping[str, str] = os.environ, ini: Mapping[str, str] | None = None
) -> Settings:
    """Read each setting from the command line, else the environment, else the ini file, else its default.

    Args:
        command_line: values by `Option.key`; None or absent if not given.
        environment: environment variables.
        ini: texts by one of `Option.ini_keys`; empty or absent if not given.

    Raises:
        InputError: a value is invalid, and the message names its origin; or two options contradict each other.
    """
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for option in OPTIONS:
        place, text = _given(option, command_line, environment, ini or {})
        if place is not None:
            places[option.name] = place
        elif text == "":
            values[option.key] = None
            continue
        try:
            values[option.key] = option.parse(text)
        except ValueError as error:
            raise InputError(f"{place} {text!r}: {error}") from error
    try:
        check_combination(values)
    except InputError as error:
        raise InputError(rename_options(str(error), places)) from error
    return Settings(**(values | {"data_dir": values["data_dir"] or default_data_dir()}))


def _given(
    option: Option, command_line: Mapping[str, Any], environment: Mapping[str, str], ini: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return an option's place and text; no place for the default."""
    if (given := command_line.get(option.key)) not in (None, False):
        return f"--{option.name}", str(given)
    if text := environment.get(option.variable):
        return option.variable, text
    for key in option.ini_keys:
        if text := ini.get(key):
            return f"ini key {key}", text
    return None, option.default
