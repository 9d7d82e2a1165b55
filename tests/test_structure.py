"""The house: rooms whose imports go one way, files and functions of a size that can be read."""

import ast
import statistics
import subprocess
import sys
from functools import cache

import pytest

from tests.helpers import REPOSITORY

# From what is asked for to what is seen: a room imports from itself and from rooms before it.
ROOMS = (
    "config", "results", "paper", "hardware", "models", "data", "training", "analysis", "throughput", "tracking",
    "study", "report", "plugin", "cli", "smoke",
)  # fmt: skip
SHARED = (
    "causes", "credentials", "errors", "extras", "files", "foreign_files", "lost_output", "users_files",
    "private_folder", "source_code", "text", "timestamps", "user_memory",
)  # fmt: skip
MAX_ROOMS, MAX_LONG_FILES, LONG_FILE_LINES = 15, 3, 300


@cache
def sources():
    """Every module's name and syntax tree."""
    paths = sorted((REPOSITORY / "harness").rglob("*.py"))
    names = (path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".") for path in paths)
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    return {name.removesuffix(".__init__"): tree for name, tree in zip(names, trees, strict=True)}


def imported(tree, modules):
    """The harness's modules that a tree imports: at its top level, in functions, or for the type checker."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "harness":
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "harness")


def room_of(module):
    return [*module.split("."), ""][1]


def test_the_top_level_has_few_rooms():
    folders = {path.parent.name for path in (REPOSITORY / "harness").glob("*/__init__.py")}
    assert folders == set(ROOMS)
    assert len(folders) <= MAX_ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room):
    allowed = {*SHARED, *ROOMS[: ROOMS.index(room) + 1]}
    upward = [
        f"{module} imports {other}"
        for module, tree in sources().items()
        if room_of(module) == room
        for other in imported(tree, sources())
        if room_of(other) not in allowed and other != "harness"
    ]
    assert upward == []


ROOMS_WITHOUT_TORCH = ("config", "results", "paper", "analysis", "tracking", "report")

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


def test_no_module_imports_itself_through_others():
    graph = {module: set(imported(tree, sources())) for module, tree in sources().items()}
    finished, circles = set(), []

    def visit(module, path):
        if module in path:
            circles.append(" -> ".join([*path[path.index(module) :], module]))
        elif module not in finished:
            for other in graph.get(module, ()):
                visit(other, [*path, module])
            finished.add(module)

    for module in graph:
        visit(module, [])
    assert circles == []


def test_few_files_are_long():
    paths = [*(REPOSITORY / "harness").rglob("*.py"), *(REPOSITORY / "bench").rglob("*.py")]
    lengths = {path.relative_to(REPOSITORY).as_posix(): len(path.read_text("utf-8").splitlines()) for path in paths}
    long = [path for path, lines in lengths.items() if lines > LONG_FILE_LINES]
    assert len(long) <= MAX_LONG_FILES, long


def test_functions_are_short():
    functions = [
        (node.end_lineno - node.lineno + 1, f"{module}.{node.name}")
        for module, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = sorted(length for length, _ in functions)
    assert statistics.median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 22
    assert lengths[-1] <= 50, max(functions)


def names_of_tests():
    for folder in ("tests", "bench"):
        for path in sorted((REPOSITORY / folder).rglob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    yield path.relative_to(REPOSITORY).as_posix(), node.name


def test_a_test_has_a_name_that_fits_a_line():
    assert [f"{path}: {name}" for path, name in names_of_tests() if len(name) > 70] == []


def test_no_test_module_imports_from_another():
    """Shared helpers have modules of their own, so that moving a test breaks no other."""
    found = []
    for path in sorted((REPOSITORY / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            source = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
            if source.startswith("tests.") and source.split(".")[-1].startswith(("test_", "conftest")):
                found.append(f"{path.relative_to(REPOSITORY)} imports {source}")
    assert found == []


def test_tests_mirror_the_library():
    """Each test module outside the shared rooms bears the name of what it tests, in the same place."""
    apart = {"faults", "helpers", "records"}
    rooms = {path.relative_to(REPOSITORY / "tests").parts[0] for path in (REPOSITORY / "tests").glob("*/__init__.py")}
    assert rooms - apart == set(ROOMS)
