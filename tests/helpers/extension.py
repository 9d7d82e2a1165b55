"""A distribution on disk that adds a dataset through the entry-point group, as an installed package would."""

from harness.config import extensions

# Grey images of 8×8 whose classes differ in brightness. `locate` finds them where `download` has put a marker file.
DATASET = """
from harness.config.datasets import DatasetSpec
from harness.config.recipe import Augmentation, Recipe

SPEC = DatasetSpec("shades", 1, 8, ("dark", "grey", "light"), 24, 12)
RECIPE = Recipe("shades", 2, (1,), 8, 8, Augmentation((0.5,), (0.5,)), learning_rate=0.05)
FILES = "the file shades.bin"


def locate(data_dir):
    import torch

    from harness.data.images import ImageSet
    from harness.data.source import Source, unverifiable

    def part(count):
        labels = torch.arange(count) % 3
        return ImageSet((20 + 100 * labels)[:, None, None, None].expand(-1, 1, 8, 8).to(torch.uint8), labels)

    def read(train_limit, test_limit):
        return part(24 if train_limit is None else train_limit), part(12 if test_limit is None else test_limit)

    path = data_dir / "shades/shades.bin"
    return Source("shades", path, lambda: (24, 12), unverifiable, read) if path.exists() else None


def download(data_dir):
    (data_dir / "shades").mkdir()
    (data_dir / "shades/shades.bin").touch()
"""


def install_dataset(folder, monkeypatch, content=DATASET, name="shades", module="shades_dataset", package="shades"):
    """Make the distribution importable for one test; importing it is left to the harness."""
    (folder / f"{module}.py").write_text(content)
    info = folder / f"{package}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{extensions.GROUP}]\n{name} = {module}\n")
    monkeypatch.syspath_prepend(folder)
    forget_extensions()


def forget_extensions():
    extensions.find_extension.cache_clear()
    extensions._declared.cache_clear()
