"""Loading through the cache of a folder of images, and what it reports."""

from harness.data import registry

PLACE = ".wider-or-deeper"


def load(root, data_dir, **options):
    """The folder's dataset, read from the disk, and the lines that were reported."""
    registry.forget_loaded()
    lines = []
    return registry.load(f"folder:{root}", data_dir, notify=lines.append, **options), lines


def pixels_file(root):
    """The only cache of the folder."""
    (path,) = (root / PLACE).glob("*.pixels")
    return path


def caches(root):
    return sorted(path.name for path in (root / PLACE).glob("*") if path.suffix != ".lock")


def count_decodings(monkeypatch):
    """The sizes of the parts that are decoded from now on."""
    from harness.data.formats import class_folders

    decoded, decode = [], class_folders.decode

    def counted(files, **options):
        decoded.append(len(files))
        return decode(files, **options)

    monkeypatch.setattr(class_folders, "decode", counted)
    return decoded
