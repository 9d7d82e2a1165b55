"""Kinds of odd JSON with the right SHA-256, as a forger writes it."""

import hashlib
import json
from pathlib import Path

from harness.files import with_sha256

_VALUES = (
    None, "", "text", "-1", True, False, -1, 0, 1, 2, 0.5, -0.0, 1e30, 1e308, 5e-324, -1e308, 2**53 + 1, 2**63, 10**40,
    10**400, [], {}, [[]], [None], {"a": 1}, "9" * 5000, "x" * 200_000, "\x1b[31mred\x1b[0m", "=HYPERLINK(1)",
    "../../x", "\ud800", "caf\udce9", "<script>alert(1)</script>", "a\nb\r\nc", "\x00", "\u202e", "1970-01-01", "NaN",
    "npz:/etc/passwd",
)  # fmt: skip
_NEW_KEYS = ("x", "", "__class__", "sha256", "\ud800", "a" * 1000)


def mutate(value, random):
    """Return JSON content with one change somewhere in it."""
    steps = _steps(value)
    path = random.choice(steps) if random.random() < 0.8 else random.choice([one for one in steps if len(one) <= 1])
    return _changed(value, path, random)


def _steps(value, before=()):
    """Return the path of every value inside the content, its own first."""
    if isinstance(value, dict):
        return [before, *(path for key in value for path in _steps(value[key], (*before, key)))]
    if isinstance(value, list):
        return [before, *(path for place in range(len(value)) for path in _steps(value[place], (*before, place)))]
    return [before]


def _changed(value, path, random):
    if path:
        copy = value.copy()
        copy[path[0]] = _changed(value[path[0]], path[1:], random)
        return copy
    ways = [lambda: random.choice(_VALUES)]
    if isinstance(value, dict) and value:
        ways += [lambda: _without(value, random), lambda: value | {random.choice(_NEW_KEYS): random.choice(_VALUES)}]
    if isinstance(value, list):
        ways += [list, lambda: value * 2, lambda: value * 3000, lambda: value[:-1], lambda: value[::-1]]
    if isinstance(value, int | float):
        ways += [
            lambda: value * 2,
            lambda: value + 1,
            lambda: -value,
            lambda: float(min(value, 10**300)),
            lambda: str(value),
        ]
    if isinstance(value, str):
        ways += [lambda: value + "x", lambda: value * 500, lambda: value[:-1]]
    return random.choice(ways)()


def _without(value, random):
    left_out = random.choice(list(value))
    return {key: value[key] for key in value if key != left_out}


def deep(depth):
    return "[" * depth + "]" * depth


def _text(content):
    """Return JSON as text, sealed if it can be."""
    if not isinstance(content, dict):
        return json.dumps(content)
    content = {key: value for key, value in content.items() if key != "sha256"}
    try:
        return with_sha256(content)
    except ValueError:  # an integer of too many digits, written by a longer way
        return json.dumps(content)


def _write(path, text):
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)


def _forged(times):
    def kind(place, random):
        content = json.loads(place.path.read_text())
        for _ in range(times):
            content = mutate(content, random)
        _write(place.path, _text(content))

    return kind


def _plain(place, random):
    _write(place.path, json.dumps(mutate(json.loads(place.path.read_text()), random)))


def _nested(place, random):
    _write(place.path, deep(random.choice([50, 900, 100_000])))


def _sealed_nested(place, random):
    content = json.loads(place.path.read_text())
    inner = []
    for _ in range(random.choice([10, 150, 400])):
        inner = [inner]
    content[random.choice(list(content))] = inner
    _write(place.path, _text(content))


def _constants(place, random):
    """Replace a number by one that JSON does not have."""
    word = random.choice(["NaN", "Infinity", "-Infinity", "1e999", "0x10", "1_000", "9" * 5000])
    text = place.path.read_text()
    numbers = [part for part in text.split() if part.rstrip(",").replace(".", "").isdigit()]
    _write(place.path, text.replace(random.choice(numbers).rstrip(","), word, 1) if numbers else word)


def _huge_command(place, _):
    """Write a command that is quadratic to split into words: a quote that never ends."""
    content = json.loads(place.path.read_text())
    content["attempts"][0]["command"] = '"' + "a" * 1_000_000
    _write(place.path, _text(content))


RESULT = {"huge command": _huge_command}
SEALED = {
    "forged": _forged(1),
    "forged twice": _forged(2),
    "nested": _nested,
    "sealed and nested": _sealed_nested,
    "not JSON": _constants,
}
UNSEALED = {"forged": _plain, "nested": _nested, "not JSON": _constants}


def reseal(folder: Path, name: str) -> None:
    """Enter the SHA-256 of a changed file into the case's result, as a forger does."""
    path = folder / "result.json"
    if path.is_file():
        content = json.loads(path.read_text())
        content["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        _write(path, _text(content))


def resealed(write):
    """Return a kind that writes a file of a case and enters its SHA-256 into the result."""

    def kind(place, random):
        write(place.path, random)
        reseal(place.path.parent, place.path.name)

    return kind


def _change_lines(path, random):
    lines = path.read_bytes().splitlines()
    number = random.randrange(len(lines))
    ways = [
        lambda: lines[:number] + lines[number + 1 :], lambda: lines[: number + 1] + lines[number:], lambda: [],
        lambda: lines[::-1], lambda: lines * 3000, lambda: [*lines, lines[number][: len(lines[number]) // 2]],
        lambda: [*lines, b"", b""], lambda: [b"\xff", *lines], lambda: [b"\xef\xbb\xbf" + lines[0], *lines[1:]],
        lambda: [b"null"] * len(lines),
    ]  # fmt: skip
    path.write_bytes(b"".join(line + b"\n" for line in random.choice(ways)()))


def _forge_line(path, random):
    lines = path.read_bytes().splitlines()
    number = random.randrange(len(lines))
    changed = json.dumps(mutate(json.loads(lines[number]), random))
    lines[number] = changed.encode("utf-8", "surrogatepass")
    path.write_bytes(b"".join(line + b"\n" for line in lines))


LINES = {"lines changed": resealed(_change_lines), "line forged": resealed(_forge_line)}
