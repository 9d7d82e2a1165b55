"""Options that contradict each other. Needs no torch, no pytest."""

import os
from collections.abc import Mapping
from typing import Any

from harness.errors import InputError

_NOT_IN_QUICK_MODE = {
    "epochs": "a quick run always trains 2 epochs",
    "learning_rates": "a quick run measures nothing",
    "train_fraction": "a quick run has a few images",
    "until_decided": "a quick run is short",
    "budget": "a quick run is short",
    "baseline": "a quick run measures nothing",
}


def check_combination(values: Mapping[str, Any]) -> None:
    """Raise an `InputError` for options that contradict each other and for an absent data folder."""
    for key, reason in _NOT_IN_QUICK_MODE.items():
        if values[key] and not values["full_training"]:
            name = f"--{key.replace('_', '-')}"
            raise InputError(f"{name} needs --full-training: add it, or leave out {name} ({reason})")
    if values["learning_rates"] and values["budget"]:
        raise InputError("--budget does not count the trials of --learning-rates: leave out one of them")
    _check_engine(values)
    _check_baseline(values)
    data_dir = values["data_dir"]
    odd = values["precision"] not in ("auto", "fp32")
    if values["pipeline"] == "reference" and (odd or values["compile"] == "on"):
        wrong = f"--precision {values['precision']}" if odd else "--compile on"
        raise InputError(f"--pipeline reference is eager float32, as in the study: leave out {wrong}")
    if data_dir is not None and values["engine"] == "local" and not os.path.isdir(data_dir):
        raise InputError(f"--data-dir {data_dir} does not exist: create it, or give the folder that holds the datasets")


def _check_engine(values: Mapping[str, Any]) -> None:
    """Raise an `InputError` for options that contradict the engine."""
    device = values["device"]
    if values["engine"] == "ray" and device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device} names a device of one machine: with --engine ray give auto, cpu or cuda")
    if device == "cpu" and values["gpus_per_case"]:
        raise InputError(f"--device cpu contradicts --gpus-per-case {values['gpus_per_case']:g}: leave out one of them")
    if values["engine"] == "ray" and values["budget"]:
        raise InputError("--budget counts the time of one case after another: leave it out, or leave out --engine ray")
    if values["cases_per_device"] is not None and values["engine"] == "ray":
        raise InputError("--cases-per-device is for one machine: with --engine ray give --gpus-per-case, e.g. 0.5")
    if values["cases_per_device"] not in (None, 1) and values["budget"]:
        raise InputError(
            "--budget counts the time of one case after another: leave it out, or leave out --cases-per-device"
        )
    for key in ("ray_address", "cpus_per_case", "gpus_per_case", "exclusive"):
        if values[key] not in (None, False) and values["engine"] != "ray":
            raise InputError(f"--{key.replace('_', '-')} needs a cluster: add --engine ray, or leave it out")


def _check_baseline(values: Mapping[str, Any]) -> None:
    """Raise an `InputError` for a baseline that does not exist or that cannot be compared with."""
    baseline = values["baseline"]
    if baseline is None:
        return
    if not os.path.isdir(baseline):
        raise InputError(f"--baseline {baseline} does not exist: give the results folder of an earlier run")
    if baseline.resolve() == values["results_dir"].resolve():
        raise InputError(
            f"--baseline {baseline} is the --results-dir too: a result would be compared with itself; give another "
            "--results-dir"
        )
