"""Requirements of ``torchrun``: options, devices and batches for several processes. Needs no torch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.config.recipe import Recipe
from harness.config.settings import Settings
from harness.errors import InputError
from harness.text import count_noun
from harness.training.process_group import ProcessGroup

if TYPE_CHECKING:
    import torch


def distributed_settings(settings: Settings, processes: ProcessGroup) -> Settings:
    """Return the settings for this group: with compilation off if it is distributed, else unchanged.

    Raises:
        InputError: an option requires a single process, or several.
    """
    if not processes.is_distributed:
        if settings.fsdp:
            raise InputError("--fsdp requires several processes: leave it out, or start pytest with torchrun")
        return settings
    refused = {
        f"--engine {settings.engine}": settings.engine != "local",
        f"--cases-per-device {settings.cases_per_device}": settings.cases_per_device not in (None, 1),
        "--pipeline reference": settings.pipeline == "reference",
        "--compile on": settings.compile == "on",
        "--budget": settings.budget is not None,
        f"--device {settings.device}": settings.device == "mps" or ":" in settings.device,
    }
    for option, is_given in refused.items():
        if is_given:
            raise InputError(f"{option} requires a single process: leave it out, or start pytest without torchrun")
    return replace(settings, compile="off")


def own_device(device: "torch.device", processes: ProcessGroup) -> str:
    """Return the name of this rank's device: its own GPU if the device is a GPU, else the device."""
    return f"cuda:{processes.local_rank}" if processes.is_distributed and device.type == "cuda" else str(device)


def require_image_per_process(recipe: Recipe, label: str, processes: ProcessGroup) -> None:
    """Require at least one image of every full batch for each process.

    Raises:
        InputError: the batch has fewer images than the group has processes.
    """
    if recipe.batch_size < processes.world_size:
        raise InputError(
            f"{label}: a batch of {count_noun(recipe.batch_size, 'image')} cannot be divided over "
            f"{processes.world_size} processes: start at most {recipe.batch_size}"
        )


def require_same_values(values: Mapping[str, str], processes: ProcessGroup) -> None:
    """Require the same values in the same order on all ranks.

    Raises:
        InputError: a rank has others; the message names its process and the first key that differs.
    """
    gathered = processes.all_gather((processes.name, list(values.items())))
    expected = dict(gathered[0][1])
    for name, items in gathered[1:]:
        if items != gathered[0][1]:
            found = dict(items)
            differing = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
            raise InputError(
                f"{name} differs from process 0 in {(differing or ['the order of the cases'])[0]}\n"
                "give every process the same images, code, options and kind of device, and a precision that all compute"
            )
