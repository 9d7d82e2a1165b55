"""Whether images are the published ones: found out once, from the files' content, and remembered.

What is remembered is the fingerprint of the images, not the state of files, so it cannot be out of date: other images
have another fingerprint. The same images in a layout without checksums are known by it too.
"""

import contextlib
from pathlib import Path

from harness.data.registry import Dataset
from harness.data.source import Source
from harness.files import sealed, unsealed, write_text_atomically

_FILE = ".verified.json"
_SCHEMA_VERSION = 1


def is_verified(dataset: Dataset, source: Source, data_dir: Path) -> bool:
    """Whether the dataset, loaded from that source, is the published one; False where nothing can tell.

    Raises:
        InputError: it is not: a file's content is another. It names the file.
    """
    known = _remembered(data_dir)
    if dataset.fingerprint in known:
        return True
    if not source.verify():
        return False
    with contextlib.suppress(OSError):  # a data folder that cannot be written to: verified every time
        content = {"schema_version": _SCHEMA_VERSION, "fingerprints": {**known, dataset.fingerprint: dataset.spec.name}}
        write_text_atomically(data_dir / _FILE, sealed(content))
    return True


def _remembered(data_dir: Path) -> dict[str, str]:
    """Fingerprints known to be published, with their datasets' names; none where the file is absent or damaged."""
    try:
        content = unsealed((data_dir / _FILE).read_bytes(), _SCHEMA_VERSION)
    except (OSError, ValueError):
        return {}
    fingerprints = content.get("fingerprints")
    return fingerprints if isinstance(fingerprints, dict) else {}
