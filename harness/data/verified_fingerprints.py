"""Fingerprints of images that were once verified by the checksums of their layout.

The fingerprint of the images is remembered, not the state of files, so it cannot be out of date: other images have
another fingerprint. The same images in a layout without checksums are recognised by it too.
"""

import contextlib
from pathlib import Path

from harness.data.registry import Dataset
from harness.data.source import Source
from harness.files import checked_json, with_sha256, write_text_atomically

_FILE = ".verified.json"
_SCHEMA_VERSION = 1


def is_verified(dataset: Dataset, source: Source, data_dir: Path) -> bool:
    """Return whether the dataset is the published one; False if the source's layout cannot tell.

    Raises:
        InputError: the content of a file is not the published content. The message names the file.
    """
    known = _remembered(data_dir)
    if dataset.fingerprint in known:
        return True
    if not source.verify():
        return False
    with contextlib.suppress(OSError):  # in a read-only data folder, verify each time
        content = {"schema_version": _SCHEMA_VERSION, "fingerprints": {**known, dataset.fingerprint: dataset.spec.name}}
        write_text_atomically(data_dir / _FILE, with_sha256(content))
    return True


def _remembered(data_dir: Path) -> dict[str, str]:
    """Return dataset names by verified fingerprint; none if the file is absent or damaged."""
    try:
        content = checked_json((data_dir / _FILE).read_bytes(), _SCHEMA_VERSION)
    except (OSError, ValueError):
        return {}
    fingerprints = content.get("fingerprints")
    return fingerprints if isinstance(fingerprints, dict) else {}
