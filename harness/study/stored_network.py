"""The trained network of a stored result, built without the images that it was trained on."""

from pathlib import Path

from safetensors.torch import load_file
from torch import nn

from harness.errors import InputError
from harness.models.build import build_network, model_of
from harness.results.folder import ResultsFolder
from harness.results.load import load_named_result
from harness.results.result import Result


def load_network(path: str | Path) -> nn.Module:
    """Return the trained network of a result, on the CPU and in evaluation mode.

    It maps prepared images, float32 (N, C, H, W), to logits (N, classes). `harness.data.augment.prepare`
    prepares 8-bit ones.

    Args:
        path: a case's folder, or the ``result.json`` in it.

    Raises:
        InputError: the result does not exist or is not complete, or a file is missing, damaged or unreadable.
    """
    place, result = load_named_result(path)
    return network_of(result, ResultsFolder(place.parent.parent))


def network_of(result: Result, results: ResultsFolder) -> nn.Module:
    """Return the network of a complete result with its stored weights, as `load_network` does.

    The channels and classes are those of the weights, so that the dataset need not be on this machine.

    Raises:
        InputError: the result is not complete, or the weights are missing, damaged, unreadable or of other code.
    """
    require_weights(result)
    weights = load_file(results.weights_path(result))
    model, shortcut = model_of(result.case), result.case.shortcut
    try:
        channels, classes = weights["conv1.weight"].shape[1], len(weights["fc.bias"])
        network = build_network(model, channels, classes, seed=0, shortcut=shortcut)
        network.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise InputError(
            f"{result.case.label}: its weights are not of {model.name} as the present code builds it: return to the "
            f"code that trained it, {result.environment.get('commit') or 'of an unknown commit'}"
        ) from error
    return network.eval()


def require_weights(result: Result) -> None:
    """Raise an `InputError` for a result without weights: one that is not complete."""
    if not result.is_complete:
        raise InputError(f"{result.case.label} has no weights: its status is {result.status} ({result.cause})")
