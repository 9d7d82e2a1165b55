"""The forms of a result's nested values: the scores of a class, and the environment of a training."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from harness.results.ranges import Percent, TestImages

_MOST_DEVICES = 10**7  # threads, cores, processes or machines


class _ClassScores(BaseModel):
    """The entries of `metrics.ClassScores`."""

    model_config = ConfigDict(strict=True, extra="forbid")
    class_name: str
    precision_percent: Percent
    recall_percent: Percent
    f1_percent: Percent
    images: TestImages


_Devices = Annotated[int, Field(ge=0, le=_MOST_DEVICES)]
_FromOneDevice = Annotated[int, Field(ge=1, le=_MOST_DEVICES)]


class _Environment(BaseModel):
    """The entries of `describe_environment`; only those that the first version wrote are required."""

    model_config = ConfigDict(strict=True, extra="allow")
    cpu: str
    gpu: str | None
    node: str | None = None
    cpu_count: _Devices | None = None
    device: str | None = None
    precision: str | None = None
    threads: _Devices | None = None
    processes: _FromOneDevice = 1
    machines: _FromOneDevice = 1
    sharded: bool = False
    co_scheduled: bool | None = None
    switched_off: dict[str, str] = {}
    platform: str | None = None
    python: str | None = None
    versions: dict[str, str | None] | None = None
    cuda: str | None = None
    cudnn: int | None = Field(None, ge=0, le=10**9)
    commit: str | None = None
    commit_problem: str | None = None
    training_code: str | None = None
    code: dict[str, str] = {}


def first_problem(error: ValidationError) -> str:
    """Return the first of pydantic's objections to a value, with the field's name."""
    first = error.errors(include_url=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    return f"{'.'.join(map(str, first['loc']))}: {message}".removeprefix(": ")


def _require_form(form: type[BaseModel]) -> AfterValidator:
    """Return a validator that keeps the mapping as it is, or names the first entry without its form."""

    def require(value: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            form.model_validate(value)
        except ValidationError as error:
            raise ValueError(first_problem(error)) from error
        return value

    return AfterValidator(require)


ClassEntry = Annotated[Mapping[str, Any], _require_form(_ClassScores)]
Environment = Annotated[Mapping[str, Any], _require_form(_Environment)]
