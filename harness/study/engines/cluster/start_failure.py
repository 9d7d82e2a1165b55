"""Failures of Ray to start or to connect: the setting at fault and the remedy. Needs no Ray."""

import os
import re
from collections.abc import Mapping

from harness.causes import HOME_REMEDY
from harness.text import one_line

_MAX_CHARACTERS = 300
_GIVE_TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to the cluster's token"
_START_ONE = "start one with `ray start --head`, or leave out --ray-address"


def explain_failure(error: Exception, address: str | None, variables: Mapping[str, str] = os.environ) -> str:
    """Return the message on a failed `ray.init`, in one or two lines.

    Args:
        error: what it raised.
        address: the value of ``--ray-address``; None for a new cluster on this machine.
        variables: the environment.
    """
    text = one_line(str(error))
    reason = one_line(text, _MAX_CHARACTERS)
    if (local := _fault_of_this_machine(error, text, variables)) is not None:
        return local
    if address is None:
        return f"--engine ray: Ray does not start on this machine: {reason}"
    if "no authentication token was found" in text:
        return f"--ray-address {address}: RAY_AUTH_MODE is token, but there is no token\n{_GIVE_TOKEN}"
    if "Could not find any running Ray instance" in text:
        return f"--ray-address {address}: this machine belongs to no running cluster\n{_START_ONE}"
    return f"--ray-address {address}: {reason}{_remedy(text, variables)}"


def _fault_of_this_machine(error: Exception, text: str, variables: Mapping[str, str]) -> str | None:
    """Return the message on a temporary or home folder that Ray cannot use; None for other failures."""
    variable = next((one for one in ("RAY_TMPDIR", "TMPDIR") if variables.get(one)), "TMPDIR")
    folder, path = variables.get(variable, "/tmp"), str(getattr(error, "filename", None) or "")
    if limit := re.search(r"AF_UNIX path length cannot exceed (\d+) bytes", text):
        return (
            f"{variable} {folder} is too long for --engine ray: the paths of Ray's sockets in it may have "
            f"{limit[1]} bytes\nset RAY_TMPDIR to a shorter folder, e.g. RAY_TMPDIR=/tmp"
        )
    if "home directory" in text or path.endswith("/.ray") or "/.ray/" in path:
        return f"--engine ray: Ray needs a home folder ({text})\n{HOME_REMEDY}"
    if path == folder or path.startswith(folder.rstrip("/") + "/"):
        reason = getattr(error, "strerror", None) or text
        return (
            f"{variable} {folder} cannot be used by --engine ray ({reason})\n"
            "set RAY_TMPDIR to a folder that can be written to, e.g. RAY_TMPDIR=/tmp"
        )
    return None


def _remedy(text: str, variables: Mapping[str, str]) -> str:
    """Return the remedy of a failed connection, on a line of its own; empty if there is none."""
    if "Version mismatch" in text:
        return "\nrun pytest with the cluster's versions of Ray and Python"
    proxy = next((name for name in ("grpc_proxy", "http_proxy", "https_proxy") if variables.get(name)), None)
    if proxy is not None:
        return f"\n{proxy} is set: if the cluster is not behind it, add the address to no_proxy"
    return f"\nif the cluster demands a token, {_GIVE_TOKEN}" if "Failed to connect" in text else ""
