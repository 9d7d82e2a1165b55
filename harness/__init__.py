"""Should my network be wider or deeper? The public API; `pytest` and `wider-or-deeper` use the same.

Read results:

    import harness
    for result in harness.load_results("results"):
        print(result.case.label, result.accuracy_percent, result.total_seconds)

Train one case without pytest:

    from pathlib import Path
    import harness, torch
    dataset = harness.load_dataset("digits", Path("data"))
    case = harness.Case(
        model="resnet20", dataset="digits", recipe=harness.DIGITS, seed=0, mode="full", device_kind="cpu",
        precision="fp32", data_fingerprint=dataset.fingerprint,
    )
    result = harness.train(
        case, dataset, harness.ResultsFolder(Path("results")), torch.device("cpu"),
        context=harness.TrainingContext(callback=harness.ShowProgress()),
    )

A name is imported when it is first used: `import harness` takes milliseconds and imports neither torch nor pytest.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.config.case import Case
    from harness.config.experiment import Experiment
    from harness.config.families import Family
    from harness.config.recipe import Augmentation, Recipe
    from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, FLOWERS102, GTSRB
    from harness.config.standard import Standard
    from harness.data.registry import load as load_dataset
    from harness.errors import InputError
    from harness.models.identity import network_identity
    from harness.results.folder import ResultsFolder
    from harness.results.load import load_results
    from harness.results.result import EpochRecord, Result
    from harness.study.shapes import check_shapes
    from harness.study.stored_network import load_network
    from harness.training.context import TrainingContext
    from harness.training.show_progress import ShowProgress
    from harness.training.train import train

    __version__: str

__all__ = [
    "CIFAR10",
    "DIGITS",
    "FASHIONMNIST",
    "FLOWERS102",
    "GTSRB",
    "Augmentation",
    "Case",
    "EpochRecord",
    "Experiment",
    "Family",
    "InputError",
    "Recipe",
    "Result",
    "ResultsFolder",
    "ShowProgress",
    "Standard",
    "TrainingContext",
    "__version__",
    "check_shapes",
    "load_dataset",
    "load_network",
    "load_results",
    "network_identity",
    "train",
]

_PLACES = {
    "CIFAR10": "harness.config.recipes.CIFAR10",
    "DIGITS": "harness.config.recipes.DIGITS",
    "FASHIONMNIST": "harness.config.recipes.FASHIONMNIST",
    "FLOWERS102": "harness.config.recipes.FLOWERS102",
    "GTSRB": "harness.config.recipes.GTSRB",
    "Augmentation": "harness.config.recipe.Augmentation",
    "Case": "harness.config.case.Case",
    "EpochRecord": "harness.results.result.EpochRecord",
    "Experiment": "harness.config.experiment.Experiment",
    "Family": "harness.config.families.Family",
    "InputError": "harness.errors.InputError",
    "Recipe": "harness.config.recipe.Recipe",
    "Result": "harness.results.result.Result",
    "ShowProgress": "harness.training.show_progress.ShowProgress",
    "Standard": "harness.config.standard.Standard",
    "TrainingContext": "harness.training.context.TrainingContext",
    "ResultsFolder": "harness.results.folder.ResultsFolder",
    "check_shapes": "harness.study.shapes.check_shapes",
    "load_dataset": "harness.data.registry.load",
    "load_network": "harness.study.stored_network.load_network",
    "load_results": "harness.results.load.load_results",
    "network_identity": "harness.models.identity.network_identity",
    "train": "harness.training.train.train",
}


def __getattr__(name: str) -> Any:
    """Import a public name (PEP 562).

    Raises:
        AttributeError: There is no such name.
    """
    if name == "__version__":
        return _version()
    if name not in _PLACES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}: it has {', '.join(sorted(__all__))}")
    module, _, attribute = _PLACES[name].rpartition(".")
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)


def _version() -> str:
    """Return the installed version; ``unknown`` in a checkout that is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wider-or-deeper")
    except PackageNotFoundError:
        return "unknown"
