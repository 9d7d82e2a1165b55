"""Every block of code and every command in the documents: they parse, and what they name exists."""

import ast
import configparser
import importlib
import json
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from types import ModuleType

import pytest
from _pytest.mark.expression import Expression

from harness.cli.main import _parser as harness_parser
from harness.config.options import OPTIONS
from harness.plugin.pytest_options import destination
from tests.helpers import REPOSITORY
from tests.helpers.documents import blocks, spans

LANGUAGES = {"python", "console", "bash", "toml", "ini", "yaml", "json", "text"}
EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
INI_KEYS = {key for option in OPTIONS for key in option.ini_keys}
LONG_NAMES = {option.name: option.long_name for option in OPTIONS}
NEED_A_VALUE = {option.long_name for option in OPTIONS if not option.is_flag}
PROGRAMS = ("pytest", "tox", "torchrun", "wider-or-deeper", "python")
PLACEHOLDER = re.compile(r"[A-Z][A-Z-]*|.*[…<>$].*|\.\.\.")


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_block_is_in_a_language_that_is_tested(block):
    assert block.language in LANGUAGES


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_block_compiles_and_what_it_names_exists(block):
    tree = ast.parse(block.text)
    modules = dict(imported_modules(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), f"{node.value.id}.{node.attr}"


def imported_modules(tree) -> Iterator[tuple[str, ModuleType]]:
    """Import what a program imports; yield the modules by the names that it gives them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                module = pytest.importorskip(alias.name)
                yield alias.asname or alias.name, module
        elif isinstance(node, ast.ImportFrom):
            module = pytest.importorskip(node.module)
            for alias in node.names:
                value = getattr(module, alias.name, None) or importlib.import_module(f"{node.module}.{alias.name}")
                if isinstance(value, ModuleType):
                    yield alias.asname or alias.name, value


@pytest.mark.parametrize("block", blocks("toml", "ini", "yaml", "json"), ids=str)
def test_configuration_block_is_valid(block):
    if block.language == "toml":
        tables = tomllib.loads(block.text).get("tool", {}).get("pytest", {})
        keys = tables.get("ini_options", tables)
    elif block.language == "ini":
        ini = configparser.ConfigParser(interpolation=None)
        ini.read_string(block.text)
        keys = [key for section in ("pytest", "tool:pytest") if section in ini for key in ini[section]]
    elif block.language == "yaml":
        assert list(pytest.importorskip("yaml").safe_load_all(block.text))
        keys = []
    else:
        keys = [] if json.loads(block.text) is not None else None
    own = {"addopts", "testpaths", "minversion", "timeout", "markers", "filterwarnings"}  # of pytest and its plugins
    assert set(keys) - own <= INI_KEYS


@pytest.mark.parametrize("block", blocks("console", "bash"), ids=str)
def test_shell_block_parses_and_its_commands_exist(block, pytestconfig):
    filled = re.sub(r"<[a-z-]+>", "PLACE", block.text)
    read = subprocess.run(["bash", "-n"], input=filled, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    for command in commands_of(block.text):
        check_command(command, pytestconfig)


SPANS = [(document, span) for document, span in spans() if span.startswith(tuple(f"{one} " for one in PROGRAMS))]


@pytest.mark.parametrize(("document", "span"), [pytest.param(*one, id=f"{one[0]}-{one[1][:60]}") for one in SPANS])
def test_command_in_a_code_span_exists(document, span, pytestconfig):
    for command in commands_of(span):
        check_command(command, pytestconfig)


@pytest.mark.slow
def test_every_selection_of_experiments_selects_one():
    every = "measurement or not measurement"
    command = [sys.executable, "-m", "pytest", "bench", "-m", every, "--collect-only", "-q"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    ids = [line.lower() for line in listed.splitlines() if "::" in line]
    texts = [*((block.document, block.text) for block in blocks("console", "bash")), *SPANS]
    chosen = [(document, *selection_of(words)) for document, text in texts for words in commands_of(text)]
    for document, expression in {one for one in chosen if len(one) == 2}:
        selects = Expression.compile(expression).evaluate
        assert any(selects(lambda name, one=one, **_: name.lower() in one) for one in ids), f"{document}: {expression}"
    assert len(chosen) > 20


def selection_of(words):
    """Return the expression by which a command selects from bench, if it does."""
    return [after for word, after in pairwise(words) if word == "-k" and after != "…"] if "bench" in words else []


def commands_of(text):
    """Yield the words of each command in a shell's text, without comments and variables set before it."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = []
        for word in [*lexer, ";"]:
            if word.strip(";&|"):
                words += [word] if words or not re.match(r"\w+=|\$\w*$", word) else []
            elif words:
                yield words
                words = []


def check_command(words, pytestconfig):
    """Check a command of this project's programs, pip's extras included; let others pass."""
    program, *rest = words
    if program == "torchrun" or (program == "srun" and "-m" in rest and "pytest" in rest):
        program, rest = "python", rest[rest.index("-m") :] if "-m" in rest else []
    if program == "python" and rest[:1] == ["-m"]:
        program, *rest = rest[1:]
    if program in ("harness", "wider-or-deeper"):
        check_harness(rest, pytestconfig)
    elif program == "pytest":
        check_pytest(rest, pytestconfig)
    elif program == "tox":
        check_tox(rest)
    elif program == "pip":
        for named in re.findall(r"(?:\.|wider-or-deeper)\[([\w,]+)\]", " ".join(rest)):
            assert set(named.split(",")) <= EXTRAS.keys(), named


def check_harness(words, pytestconfig):
    """Parse a command line of this harness."""
    if not words or words[0] == "…" or "COMMAND" in words:
        return
    try:
        _, rest = harness_parser().parse_known_args(words)
    except SystemExit as end:
        assert end.code == 0, words
        return
    if words[0] == "plan":
        check_pytest(rest, pytestconfig)
    else:
        assert rest == [], words


def check_pytest(words, pytestconfig):
    """Parse a command line of pytest with our plugin, and the values of our options."""
    words = [with_long_name(word) for word in words]
    if words and words[-1] in NEED_A_VALUE:
        words.append("VALUE")
    known, unknown = pytestconfig._parser.parse_known_and_unknown_args(words)
    assert [word for word in unknown if word.startswith("-")] == [], words
    for expression in (known.keyword, known.markexpr):
        if expression and not PLACEHOLDER.fullmatch(expression):
            Expression.compile(expression)
    given = {option.key: getattr(known, destination(option), None) for option in OPTIONS}
    values = {key: value for key, value in given.items() if not PLACEHOLDER.fullmatch(str(value))}
    for option in OPTIONS:  # one at a time: a document shows an option without those that it needs
        if values.get(option.key) is not None and not option.is_flag:
            option.parse(values[option.key])


def with_long_name(word):
    """Return a word of a command line with one of our options' short names replaced, as the plugin does."""
    name, _, value = word.removeprefix("--").partition("=")
    is_ours = word.startswith("--") and name in LONG_NAMES
    return f"{LONG_NAMES[name]}{f'={value}' if '=' in word else ''}" if is_ours else word


def check_tox(words):
    """Check that the environments of a command line exist, and the arguments for pytest."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    names = {name.removeprefix("testenv:") for name in tox.sections()} | {"py312", "py313"}
    for option, value in pairwise(words):
        if option == "-e" and not PLACEHOLDER.fullmatch(value):
            assert set(value.split(",")) <= names, value
