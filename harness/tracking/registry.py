"""The trackers by name."""

from importlib import import_module

from harness.causes import cause_and_remedy
from harness.errors import InputError
from harness.extras import require_extra
from harness.tracking.tracker import Tracker

# By name: the module of the extra of the same name, and the class.
_TRACKERS = {
    "tensorboard": ("tensorboard", "harness.tracking.tensorboard:TensorBoardTracker"),
    "mlflow": ("mlflow", "harness.tracking.mlflow:MLflowTracker"),
}
# Variables of a tracker's process, unless the user sets them: MLflow's own retries of one request take minutes.
DEFAULT_VARIABLES = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


def load_tracker(name: str) -> type[Tracker]:
    """Import a tracker: one of the harness's by its name, any other as ``MODULE:CLASS``.

    Raises:
        InputError: the tracker's extra is not installed, or the module does not have such a class.
    """
    needed, place = _TRACKERS.get(name, (None, name))
    module, _, attribute = place.partition(":")
    try:
        if needed is not None:
            require_extra(needed, name, f"--track {name}")
        found = getattr(import_module(module), attribute)
    except InputError:
        raise
    except (Exception, SystemExit) as error:  # importing runs any code
        raise InputError(f"--track {name} cannot be loaded: {cause_and_remedy(error)}") from error
    if not (isinstance(found, type) and issubclass(found, Tracker)):
        raise InputError(f"--track {name} is not a tracker: derive it from harness.tracking.tracker.Tracker")
    return found
