"""The trained network of a stored result, built without the images that it was trained on."""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from harness.errors import InputError
from harness.models.build import build_network
from harness.results.folder import ResultsFolder
from harness.results.load import load_named_result
from harness.results.result import Result
from harness.study.own_network import channels_and_classes, find_network


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
    require_weights(result)
    weights = load_file(results.weights_path(result))
    model, shortcut = find_network(result, place), result.case.shortcut
    try:
        network = build_network(model, *channels_and_classes(result), seed=0, shortcut=shortcut)
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"{result.case.label}: its weights are not of {model.name} as the present code builds it: return to the "
            f"code that trained it, {result.environment.get('commit') or 'of an unknown commit'}"
        ) from error
    return network.eval()


def require_weights(result: Result) -> None:
    """Raise an `InputError` for a result without weights: one that is not complete."""
    if not result.is_complete:
        raise InputError(f"{result.case.label} has no weights: its status is {result.status} ({result.cause})")
