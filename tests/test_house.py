"""The rules that hold for the whole of the source."""

import subprocess
import sys

ROOMS_WITHOUT_TORCH = ("config", "results", "paper", "analysis", "report")

IMPORT_ROOMS = """
import importlib, pkgutil, sys
names = []
for room in sys.argv[1:]:
    package = importlib.import_module(f"harness.{room}")
    names += [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
for name in names:
    importlib.import_module(name)
    assert "torch" not in sys.modules, f"{name} imports torch"
print(len(names))
"""


def test_rooms_without_torch_import_none():
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ROOMS, *ROOMS_WITHOUT_TORCH], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 30
