"""docs/json.md, made from the classes of the commands' outputs. To write it: python -m tests.cli.json_document."""

from harness.cli.schema import COMMANDS, schema_of
from tests.helpers import REPOSITORY

PAGE = REPOSITORY / "docs/json.md"
_INTRODUCTION = """\
# JSON output

`python -m harness COMMAND --json` (or `wider-or-deeper COMMAND --json`) prints one JSON object on standard output and
nothing else there; notes and progress go to standard error. Wrong input prints nothing on standard output, one line on
standard error, and exits with code 2. Keys end with their unit: `_seconds`, `_percent`, `_points` (percentage points),
`_bytes`. A number that is not known, or not finite, is null.

Every object has `command`, the command's name, and `schema_version`, 1. The version rises when a key is renamed or
removed, or changes its meaning; new keys do not raise it. The tables leave out these two keys.

`python -m harness schema COMMAND` prints the JSON schema (draft 2020-12) of a command, to validate its output or to
generate types.
"""
_IN_EVERY_OBJECT = ("schema_version", "command")


def json_document():
    """Return the page's text."""
    return "\n".join([_INTRODUCTION, *(_section(command) for command in COMMANDS)])


def _section(command):
    schema = schema_of(command)
    parts = [f"## `{command}`\n\n{schema['description']}\n\n{_table(schema)}"]
    parts += [
        f"### {name}\n\n{part['description']}\n\n{_table(part)}" for name, part in schema.get("$defs", {}).items()
    ]
    return "\n".join(parts)


def _table(schema):
    rows = [
        f"| `{key}` | {_type(value)} | {value.get('description', '')} |"
        for key, value in schema["properties"].items()
        if key not in _IN_EVERY_OBJECT
    ]
    return "\n".join(["| key | type | meaning |", "|---|---|---|", *rows, ""])


def _type(schema):
    """Return a JSON schema's type in words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else f"{len(schema['prefixItems'])} numbers"
    if schema["type"] == "object":
        return "object"
    return schema["type"]


if __name__ == "__main__":
    PAGE.write_text(json_document(), encoding="utf-8")
