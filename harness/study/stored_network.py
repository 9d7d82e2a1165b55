"""The trained network of a stored result, built without the images that it was trained on."""

import contextlib
from pathlib import Path

from torch import Tensor, nn

from harness.errors import DamagedError, InputError
from harness.models.build import build_network
from harness.models.cost import count_macs_on_meta, count_parameters
from harness.models.stored_weights import building_no_more_than, first_difference, map_weights
from harness.results.case_folder import RESULT
from harness.results.checked_files import WEIGHTS
from harness.results.folder import ResultsFolder
from harness.results.load import load_named_result
from harness.results.result import Result
from harness.study.own_network import channels_and_classes, find_network

_COUNTERS_DIFFER = 2  # at most, in the operations that they know


def load_network(path: str | Path, network: str | None = None) -> nn.Module:
    """Return the trained network of a result, on the CPU and in evaluation mode.

    It maps prepared images, float32 (N, C, H, W), to logits (N, classes). `harness.data.augment.prepare`
    prepares 8-bit ones.

    Args:
        path: a case's folder, or the ``result.json`` in it.
        network: the present place of your own network's family, model or builder, as ``FILE:NAME``; None for the place
            that it was trained from. The file is imported, and its folder is importable from then on.

    Raises:
        InputError: the result does not exist or is not complete, a file is missing, damaged or unreadable, or your own
            network is not there any more, or is another one now.
    """
    place, result = load_named_result(path)
    return network_of(result, ResultsFolder(place.parent.parent), network)


def network_of(result: Result, results: ResultsFolder, place: str | None = None) -> nn.Module:
    """Return the network of a complete result with its stored weights, as `load_network` does.

    The channels and classes are the result's, so that the dataset need not be on this machine.

    Raises:
        InputError: the result is not complete, the weights are missing, damaged, unreadable or of other code, or a
            user's own network is not found.
    """
    weights = checked_weights(result, results, place)
    model, shortcut = find_network(result, place), result.case.shortcut
    network = build_network(model, *channels_and_classes(result), seed=0, shortcut=shortcut)
    network.load_state_dict(weights)
    return network.eval()


def checked_weights(result: Result, results: ResultsFolder, place: str | None = None) -> dict[str, Tensor]:
    """Return the weights of a complete result by name, mapped into memory, after checking them.

    They are compared with the network as the present code builds it, on the meta device: neither is allocated unless
    both have the same size, which is also the result's.

    Args:
        place: the present place of the user's own network, as ``FILE:NAME``; None for the recorded one.

    Raises:
        DamagedError: the weights are missing, damaged, or those of another network. The message names the file.
        InputError: the result is not complete, the weights cannot be read, or a user's own network is not found.
    """
    require_weights(result)
    case = result.case
    path = results.folder(case) / WEIGHTS
    sizes = channels_and_classes(result)
    if 0 in sizes:
        raise DamagedError(f"{path.with_name(RESULT)} has no {'classes' if sizes[0] else 'channels of images'}")
    weights = map_weights(path)
    # The user's own code is trusted: it may build a large network and return a part of it.
    limited = contextlib.nullcontext() if case.network else building_no_more_than(weights, path)
    try:
        with limited:
            model = find_network(result, place)
            network = build_network(model, *sizes, seed=0, shortcut=case.shortcut, device="meta")
    except RuntimeError as error:  # a layer is larger than torch can count
        raise DamagedError(f"{path}: {model.name}, which its result names, cannot be built") from error
    if difference := first_difference(weights, network):
        raise DamagedError(
            f"{path}: its weights are not of {model.name} as the present code builds it: {difference}\n"
            f"return to the code that trained it, {result.environment.get('commit') or 'of an unknown commit'}"
        )
    _require_recorded_cost(result, path.with_name(RESULT), network.eval(), is_foreign=model.is_foreign)
    results.weights_path(result)
    return weights


def _require_recorded_cost(result: Result, path: Path, network: nn.Module, *, is_foreign: bool) -> None:
    """Raise a `DamagedError` if a network on the meta device costs more than its result says.

    An image size that was changed in the result would need any amount of memory. The MACs of the user's own network
    are not compared: fvcore, which counted them, may not know all of its operations.
    """
    if (params := count_parameters(network)) != result.params:
        raise DamagedError(f"{path}: it has {result.params:,} parameters, and its network {params:,}")
    if result.case.network:
        return
    (channels, _), size = channels_and_classes(result), result.case.recipe.image_size
    try:
        macs = count_macs_on_meta(network, (channels, size, size))
    except Exception:
        if not is_foreign:
            raise DamagedError(f"{path}: its network cannot take images of {size}×{size} pixels") from None
        return  # a foreign network need not run there
    if macs > _COUNTERS_DIFFER * result.macs:
        raise DamagedError(f"{path}: it has {result.macs:,} MACs, and its network {macs:,} at {size}×{size} pixels")


def require_weights(result: Result) -> None:
    """Raise an `InputError` for a result without weights: one that is not complete."""
    if not result.is_complete:
        raise InputError(f"{result.case.label} has no weights: its status is {result.status} ({result.cause})")
