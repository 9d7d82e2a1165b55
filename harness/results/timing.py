"""Timing conditions: the device, threads, processes, torch, accelerations and co-scheduled cases."""

from collections.abc import Mapping
from typing import Any

from harness.text import count_noun, listed


def timed_on(environment: Mapping[str, Any]) -> str:
    """Return the conditions that times depend on, human-readable: ``AMD EPYC, 2 threads, torch 2.15.0``.

    Appended are ``compiled``, the accelerations that were switched off (``without capture``), and ``co-scheduled`` if
    other cases trained on the machine at the same time.
    """
    parts = _timing_parts(environment)
    if environment.get("gpu"):
        del parts["threads"]
    if environment.get("processes", 1) == 1:
        del parts["processes"]
    if not _is_compiled(environment):
        del parts["compiled"]
    if not environment.get("switched_off"):
        del parts["switched_off"]
    if not environment.get("co_scheduled"):
        del parts["co_scheduled"]
    return ", ".join(parts.values())


def timing_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the differences between two environments that change times, as ``2 threads → 1 thread``."""
    old, new = _timing_parts(before), _timing_parts(after)
    return [f"{old[key]} → {new[key]}" for key in old if old[key] != new[key]]


def _timing_parts(environment: Mapping[str, Any]) -> dict[str, str]:
    versions, threads = environment.get("versions"), environment.get("threads")
    torch = versions.get("torch") if isinstance(versions, Mapping) else None
    return {
        "device": str(environment.get("gpu") or environment.get("cpu")),
        "threads": count_noun(threads, "thread"),
        "processes": processes_of(environment),
        "torch": f"torch {torch}",
        "compiled": "compiled" if _is_compiled(environment) else "not compiled",
        "switched_off": _accelerations(environment),
        "co_scheduled": "co-scheduled" if environment.get("co_scheduled") else "alone",
    }


def _is_compiled(environment: Mapping[str, Any]) -> bool:
    return bool(environment.get("compiled")) and "compile" not in environment.get("switched_off", {})


def _accelerations(environment: Mapping[str, Any]) -> str:
    """Return what was switched off: ``without bf16 and capture``."""
    switched_off = sorted(environment.get("switched_off", {}))
    return f"without {listed(switched_off)}" if switched_off else "with all accelerations"


def processes_of(environment: Mapping[str, Any]) -> str:
    """Return the processes that trained together: ``4 processes on 2 machines, sharded``.

    Older results without a number had one process.
    """
    machines = environment.get("machines", 1)
    on_machines = f" on {machines} machines" if machines > 1 else ""
    sharded = ", sharded" if environment.get("sharded") else ""
    return f"{count_noun(environment.get('processes', 1), 'process')}{on_machines}{sharded}"
