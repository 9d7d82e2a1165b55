"""The processor's name: different processors must not share one, since times are compared by it."""

import contextlib
import functools
import os
import platform
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.text import one_line

_CPUINFO = Path("/proc/cpuinfo")
# A board's name on ARM, where one core is built into many processors: Neoverse-N1 is in AWS's and in Ampere's.
_BOARDS = (Path("/proc/device-tree/model"), Path("/sys/class/dmi/id/sys_vendor"))
_GENERIC = re.compile(r"ARMv\d+ Processor rev|unknown$", re.IGNORECASE)
# Registers that identify a core if no tool knows its name: of ARM, RISC-V and IBM Z.
_IDS = ("CPU implementer", "CPU part", "CPU variant", "CPU revision", "mvendorid", "marchid", "mimpid", "machine")
_LSCPU_SECONDS = 10


@functools.cache
def processor_name() -> str:
    """Return this machine's processor, e.g. ``AMD EPYC 7763 64-Core Processor`` or ``Apple M1``.

    On x86 Linux it is the ``model name`` of /proc/cpuinfo. Elsewhere lscpu or py-cpuinfo knows it, which take up to a
    second.
    """
    name = name_from(_read(_CPUINFO), known_names, next(filter(None, map(_read, _BOARDS)), ""))
    return name or platform.processor() or platform.machine()


def name_from(cpuinfo: str, names: Callable[[], Sequence[str]], board: str) -> str:
    """Return the processor's name; empty if nothing is known.

    Args:
        cpuinfo: the text of /proc/cpuinfo; empty on other systems.
        names: returns the names of the cores that tools know; called only if the text has no name.
        board: the name of the machine's board or maker; may be empty.
    """
    fields = _fields(cpuinfo)
    for name in fields.get("model name", []):
        if not _GENERIC.match(name):
            return name
    is_arm = "cpu implementer" in fields
    cores = " + ".join(name for name in names() if not _GENERIC.match(name)) or _ids(fields)
    board = one_line(board)  # a device tree's text ends with a null character
    return f"{cores} ({board})" if cores and board and is_arm else cores


def known_names() -> list[str]:
    """Return the names of this machine's kinds of cores, by lscpu or py-cpuinfo; empty if unknown."""
    return names_in_lscpu(_lscpu()) or _names_by_cpuinfo()


def names_in_lscpu(output: str) -> list[str]:
    """Return the names of cores in lscpu's output; some processors have several kinds."""
    found = re.findall(r"^\s*Model name:\s*(.+?)\s*$", output, re.MULTILINE)
    return list(dict.fromkeys(name for name in found if name != "-"))


def _lscpu() -> str:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(
            ["lscpu"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_LSCPU_SECONDS,
            env=os.environ | {"LC_ALL": "C"},
        ).stdout
    return ""


def _names_by_cpuinfo() -> list[str]:
    import cpuinfo

    with contextlib.suppress(Exception):  # it raises a plain one on processors that it does not know
        brand = cpuinfo.get_cpu_info().get("brand_raw")
        return [str(brand)] if brand else []
    return []


def _fields(cpuinfo: str) -> dict[str, list[str]]:
    """Return the different values of each field, by its name in lower case."""
    found: dict[str, list[str]] = {}
    for line in cpuinfo.splitlines():
        name, separator, value = (part.strip() for part in line.partition(":"))
        if separator and value and value not in found.setdefault(name.lower(), []):
            found[name.lower()].append(value)
    return found


def _ids(fields: Mapping[str, Sequence[str]]) -> str:
    """Return the registers that identify the cores, e.g. ``CPU implementer 0x41, CPU part 0xd0c``."""
    return ", ".join(f"{name} {'/'.join(fields[name.lower()])}" for name in _IDS if name.lower() in fields)


def _read(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    return ""
