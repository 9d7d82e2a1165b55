"""Results as a stranger could make them: any content, with the SHA-256 that fits it."""

import hashlib
import io
import json
import zipfile

import numpy as np

from harness.files import with_sha256


def rewrite(folder, change):
    """Apply a change to the content of a case's result.json, and seal it again."""
    content = json.loads((folder / "result.json").read_text())
    del content["sha256"]
    change(content)
    (folder / "result.json").write_text(with_sha256(content))


def replace_file(folder, name, content):
    """Replace a file of a case and its SHA-256 in the result."""
    (folder / name).write_bytes(content)
    rewrite(folder, lambda result: result["files"].update({name: hashlib.sha256(content).hexdigest()}))


def setting(dotted, value):
    """Return a change of one value, under a name like ``environment.versions`` or ``per_class.0.images``."""

    def change(content):
        *path, last = [int(part) if part.isdigit() else part for part in dotted.split(".")]
        for part in path:
            content = content[part]
        content[last] = value

    return change


def removing(dotted):
    """Return a change that removes one value."""

    def change(content):
        *path, last = [int(part) if part.isdigit() else part for part in dotted.split(".")]
        for part in path:
            content = content[part]
        del content[last]

    return change


def npz(**arrays):
    """Return the content of a file of arrays; they may be of objects."""
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def bomb(claimed):
    """Return a small archive whose labels claim to have so many images."""
    file = io.BytesIO()
    header = f"{{'descr': '<i8', 'fortran_order': False, 'shape': ({claimed},), }}".ljust(117).encode() + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("labels", "predictions"):
            archive.writestr(f"{name}.npy", array)
    return file.getvalue()
