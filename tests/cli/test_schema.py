import json

import jsonschema
import pytest

from harness.__main__ import main
from harness.cli.schema import COMMANDS, schema_of
from tests.cli.json_document import PAGE, json_document


@pytest.mark.parametrize("command", COMMANDS)
def test_schema_prints_a_valid_json_schema(command, capsys):
    assert main(["schema", command]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema == schema_of(command)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"schema_version", "command"} <= set(schema["required"])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_field_has_a_description(command):
    schema = schema_of(command)
    for part in (schema, *schema.get("$defs", {}).values()):
        assert [key for key, value in part["properties"].items() if not value.get("description")] == []


def test_the_document_is_made_from_the_schemas():
    assert PAGE.read_text(encoding="utf-8") == json_document(), "run `python -m tests.cli.json_document`"


def test_schema_of_no_command_names_the_commands(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["schema", "train"])
    assert "choose from" in capsys.readouterr().err
