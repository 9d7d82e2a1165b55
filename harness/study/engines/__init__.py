"""Where the cases of a study are trained: in this process, one after the other, or on a Ray cluster, all at once."""

from harness.config.settings import Settings
from harness.errors import InputError
from harness.results.folder import ResultsFolder
from harness.study.engines.engine import CaseRequest, Engine
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup

__all__ = ["CaseRequest", "Engine", "make_engine"]


def make_engine(settings: Settings, results: ResultsFolder, processes: ProcessGroup = SINGLE_PROCESS) -> Engine:
    """The engine of the settings; Ray is imported for no other.

    Args:
        processes: the processes that train every case together.

    Raises:
        InputError: the device is not there, or Ray, or its cluster.
    """
    if settings.engine == "ray":
        try:
            from harness.study.engines.cluster.engine import RayEngine
        except ModuleNotFoundError as error:
            if error.name != "ray":
                raise
            raise InputError("--engine ray needs Ray: pip install 'wider-or-deeper[ray]'") from error
        return RayEngine(settings, results)
    from harness.study.engines.local import LocalEngine

    return LocalEngine(settings, results, processes)
