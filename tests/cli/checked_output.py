"""A command's standard output with --json, checked against its schema."""

import json

import jsonschema

from harness.cli.schema import schema_of


def checked_output(command, text):
    """Return the JSON object that a command printed; it must be alone, valid, and have no undocumented key."""
    found = json.loads(text)
    assert (found["schema_version"], found["command"]) == (1, command)
    jsonschema.validate(found, _closed(schema_of(command)))
    return found


def _closed(schema):
    """Return the schema without room for further keys."""
    if isinstance(schema, dict):
        closed = {key: _closed(value) for key, value in schema.items()}
        return closed | ({"additionalProperties": False} if "properties" in schema and "type" in schema else {})
    return list(map(_closed, schema)) if isinstance(schema, list) else schema
