"""Engines: a study's cases one by one in this process, or several at once on a device or a cluster."""

from harness.config.settings import Settings
from harness.extras import require_extra
from harness.results.folder import ResultsFolder
from harness.study.engines.engine import CaseRequest, Engine
from harness.training.process_group import SINGLE_PROCESS, ProcessGroup

__all__ = ["CaseRequest", "Engine", "make_engine"]


def make_engine(settings: Settings, results: ResultsFolder, processes: ProcessGroup = SINGLE_PROCESS) -> Engine:
    """Make the engine that the settings name; only ``--engine ray`` imports Ray.

    Args:
        processes: the process group that trains every case together.

    Raises:
        InputError: the device, Ray or its cluster is not available.
    """
    if settings.engine == "ray":
        require_extra("ray", "ray", "--engine ray")
        from harness.study.engines.cluster.engine import RayEngine

        return RayEngine(settings, results)
    if settings.cases_per_device not in (None, 1):
        from harness.study.engines.shared_device.engine import SharedDeviceEngine

        return SharedDeviceEngine(settings, results)
    from harness.study.engines.local import LocalEngine

    return LocalEngine(settings, results, processes)
