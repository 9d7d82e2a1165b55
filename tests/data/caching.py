"""Loading through the cache of a folder of images, and what it reports."""

from pathlib import Path

from harness.data import registry
from harness.text import ProgressLine

PLACE = ".wider-or-deeper"


def load(root, data_dir, **options):
    """The folder's dataset, read from the disk, and the lines that were reported."""
    registry.forget_loaded()
    lines = []
    dataset = registry.load(f"folder:{root}", data_dir, notify=lines.append, **options)
    return dataset, [line for line in lines if not isinstance(line, ProgressLine)]


def pixels_file(root):
    """The only cache of the folder."""
    (path,) = (root / PLACE).glob("*.pixels")
    return path


def caches(root):
    return sorted(path.name for path in (root / PLACE).glob("*") if path.suffix not in (".lock", ".finding"))


def count_decodings(monkeypatch):
    """The sizes of the parts that are decoded from now on."""
    from harness.data.formats import image_files

    decoded, decode = [], image_files.decode

    def counted(files, **options):
        decoded.append(len(files))
        return decode(files, **options)

    monkeypatch.setattr(image_files, "decode", counted)
    return decoded


def resident_bytes(path):
    """The bytes of a mapped file in this process: its share of pages that others map too, and its own copies."""
    share = own = 0
    is_of_file = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            is_of_file = str(path) in line
        elif is_of_file and line.startswith("Pss:"):
            share += 1024 * int(line.split()[1])
        elif is_of_file and line.startswith("Private_Dirty:"):
            own += 1024 * int(line.split()[1])
    return share, own
