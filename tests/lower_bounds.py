"""The oldest versions that pyproject.toml allows, as a constraints file for pip.

Run `python tests/lower_bounds.py FILE`. It needs only the standard library: tox runs it before
anything is installed.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lower_bounds(project: dict) -> Iterator[str]:
    """Yield ``NAME==VERSION`` for each dependency and each extra's, in the order of the file.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    extras = project["optional-dependencies"].values()
    for requirement in [*project["dependencies"], *(one for extra in extras for one in extra)]:
        if requirement.startswith(project["name"]):  # extra dev: the others
            continue
        bound = re.match(r"([\w.-]+)>=([\w.]+)(,|$)", requirement)
        if not bound:
            raise ValueError(f"{requirement!r} has no lower bound: write it as NAME>=VERSION")
        yield f"{bound[1]}=={bound[2]}"


if __name__ == "__main__":
    constraints = lower_bounds(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"])
    Path(sys.argv[1]).write_text("\n".join(constraints) + "\n", encoding="utf-8")
