"""The base of the objects that commands print with ``--json``."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A JSON object; a docstring after an attribute is its description."""

    model_config = ConfigDict(
        use_attribute_docstrings=True, frozen=True, strict=True, json_schema_serialization_defaults_required=True
    )


class Output(Part):
    """The whole output of a command."""

    schema_version: Literal[1] = 1
    """It rises when a key is renamed or removed, or changes its meaning; new keys may appear without."""
