"""What is measured of a case: its epoch records and its result, as values, and their reading back.

Whatever is read back is validated: a value of the wrong type or out of its range is no record and no result.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from harness.config.case import Case, Mode
from harness.errors import DamagedError, InputError
from harness.files import sealed, unsealed
from harness.text import several

SCHEMA_VERSION = 2
Value = TypeVar("Value")
Status = Literal["complete", "diverged", "out_of_memory", "failed"]

_Number = Annotated[float, Field(allow_inf_nan=False)]
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Percent = Annotated[float, Field(ge=0, le=100)]
_Count = Annotated[int, Field(ge=0)]
_FromOne = Annotated[int, Field(ge=1)]
# A loss that is no number is null in JSON, which has no word for it.
_Loss = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: what it came to and what it took.

    Attributes:
        epoch: counted from 1.
        evaluation_loss, evaluation_accuracy_percent: on the test set, or on the validation set where one is held out.
        load_seconds: choosing, moving and augmenting the training images.
        train_seconds: forward, backward and optimizer steps.
        evaluate_seconds: the evaluation, its own loading included.
        checkpoint_seconds: saving the state that the epoch began from; 0 in quick mode, which saves none.
        epoch_seconds: wall-clock time of training plus evaluation, the paper's epoch time; checkpoints are not in it.
    """

    epoch: _FromOne
    learning_rate: _Number
    train_loss: _Loss
    train_accuracy_percent: _Percent
    evaluation_loss: _Loss
    evaluation_accuracy_percent: _Percent
    load_seconds: _Seconds
    train_seconds: _Seconds
    evaluate_seconds: _Seconds
    checkpoint_seconds: _Seconds
    epoch_seconds: _Seconds

    @property
    def is_finite(self) -> bool:
        """Whether both losses are numbers."""
        return math.isfinite(self.train_loss) and math.isfinite(self.evaluation_loss)

    def to_json(self) -> dict[str, Any]:
        """The record as plain values; a loss that is no number is None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Attempt:
    """Epochs of a case that one process trained without interruption; a case that was never interrupted has one.

    Attributes:
        first_epoch: the one it began with, from 1.
        started_at: UTC, ISO 8601.
        environment: what it ran on, as `describe_environment` gives it.
        compile_seconds: compiling and capturing before its first epoch.
        wall_seconds, peak_memory_bytes: up to the last checkpoint that it saved, or to its end.
        command: what a person typed; None in results of before it was kept.
    """

    first_epoch: _FromOne
    started_at: str
    environment: Mapping[str, Any]
    compile_seconds: _Seconds = 0.0
    wall_seconds: _Seconds = 0.0
    peak_memory_bytes: _Count = 0
    command: str | None = None


@dataclass(frozen=True)
class Result:
    """What a case came to. Fields without a value are None where training did not complete.

    Attributes:
        best_accuracy_percent, best_epoch: of the best epoch. By the paper's protocol it is chosen on the test set; with
            a validation split it is chosen there, and the accuracy is those weights' on the test set.
        epochs: epochs recorded, each counted once however often training was interrupted.
        epoch_seconds: of every epoch, see `EpochRecord`.
        train_seconds: loading and training, all epochs. eval_seconds: evaluating, all epochs.
        total_seconds: the sum of the epochs' seconds, the paper's total training time.
        checkpoint_seconds: saving the states to resume from, all epochs; in no epoch's time.
        wall_seconds: everything included, over all attempts; of one that was killed, up to its last checkpoint.
        compile_seconds: compiling and capturing before the first epoch; in no epoch's time.
        marginal_gain: equation 6, percent per second.
        images_per_second: training images over loading and training.
        dataset_origin: where the images came from. dataset_verified: whether they are known to be the published ones;
            some layouts leave nothing to compare with. dataset_whole: as many as published. stand_in: digits instead.
        environment: of the last attempt.
        started_at: of the first attempt, UTC, ISO 8601. finished_at: of the last.
        attempts: how often and where training was interrupted, see `interrupted_after`.
        files: SHA-256 of each of the case's other files, by name.
        cause: why it did not complete.
    """

    schema_version: int
    status: Status
    mode: Mode
    case: Case
    model: str
    dataset: str
    seed: _Count
    params: _Count
    macs: _Count
    accuracy_percent: _Percent | None
    best_accuracy_percent: _Percent | None
    best_epoch: _FromOne | None
    macro_f1_percent: _Percent | None
    epochs: _Count
    epoch_seconds: tuple[_Seconds, ...]
    train_seconds: _Seconds
    eval_seconds: _Seconds
    total_seconds: _Seconds
    checkpoint_seconds: _Seconds
    wall_seconds: _Seconds
    compile_seconds: _Seconds
    marginal_gain: _Number | None
    images_per_second: _Number | None
    peak_memory_bytes: _Count
    train_images: _Count
    evaluation_images: _Count
    test_images: _Count
    dataset_origin: str
    dataset_verified: bool
    dataset_whole: bool
    stand_in: bool
    environment: Mapping[str, Any]
    started_at: str
    finished_at: str
    attempts: Annotated[tuple[Attempt, ...], Field(min_length=1)]
    files: Mapping[str, str]
    per_class: tuple[Mapping[str, Any], ...] = ()
    confusion: tuple[tuple[_Count, ...], ...] = ()
    cause: str | None = None

    @property
    def is_complete(self) -> bool:
        return self.status == "complete"

    @property
    def is_finished(self) -> bool:
        """Whether training it again would come to the same: lack of memory and failures may pass."""
        return self.status in ("complete", "diverged")

    @property
    def mean_epoch_seconds(self) -> float | None:
        """The paper's single-epoch training time."""
        return self.total_seconds / len(self.epoch_seconds) if self.epoch_seconds else None

    @property
    def interrupted_after(self) -> tuple[int, ...]:
        """After how many finished epochs training was interrupted, once for each interruption."""
        return tuple(attempt.first_epoch - 1 for attempt in self.attempts[1:])

    @property
    def training_environments(self) -> tuple[Mapping[str, Any], ...]:
        """What epochs were trained on, attempt after attempt; the last attempt's where there are none."""
        ends = (*(attempt.first_epoch for attempt in self.attempts[1:]), self.epochs + 1)
        trained = [one.environment for one, end in zip(self.attempts, ends, strict=True) if end > one.first_epoch]
        return tuple(trained) or (self.environment,)

    @property
    def is_co_scheduled(self) -> bool:
        """Whether other cases trained on the machine at the same time, in any epoch: its times are longer for it."""
        return any(environment.get("co_scheduled") for environment in self.training_environments)

    @property
    def changes_between_attempts(self) -> tuple[str, ...]:
        """What times depend on and was another for some epochs than for others, as ``2 threads → 1 thread``.

        Where there is any, accuracy may be compared with other cases', times may not.
        """
        changes = (change for pair in pairwise(self.training_environments) for change in timing_changes(*pair))
        return tuple(dict.fromkeys(changes))

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)

    def to_text(self) -> str:
        """The result as ``result.json`` holds it."""
        return sealed(self.to_json())

    @classmethod
    def from_text(cls, text: str | bytes) -> "Result":
        """The result that `to_text` put into words.

        Raises:
            ValueError: it is none, it was damaged, or it is of another schema.
        """
        result = validated(cls, unsealed(text, SCHEMA_VERSION))
        if problem := _first_problem(result):
            raise ValueError(problem)
        return result


def timed_on(environment: Mapping[str, Any]) -> str:
    """What times depend on, in a person's words: ``AMD EPYC, 2 threads, torch 2.15.0``.

    ``co-scheduled`` comes behind it where other cases trained on the machine at the same time.
    """
    parts = _timing_parts(environment)
    if environment.get("gpu"):
        del parts["threads"]
    if environment.get("processes", 1) == 1:
        del parts["processes"]
    if not environment.get("co_scheduled"):
        del parts["company"]
    return ", ".join(parts.values())


def timing_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """In which of what times depend on two environments differ, in a person's words."""
    old, new = _timing_parts(before), _timing_parts(after)
    return [f"{old[key]} → {new[key]}" for key in old if old[key] != new[key]]


def _timing_parts(environment: Mapping[str, Any]) -> dict[str, str]:
    versions, threads = environment.get("versions"), environment.get("threads")
    torch = versions.get("torch") if isinstance(versions, Mapping) else None
    return {
        "device": str(environment.get("gpu") or environment.get("cpu")),
        "threads": several(threads, "thread"),
        "processes": processes_of(environment),
        "torch": f"torch {torch}",
        "company": "co-scheduled" if environment.get("co_scheduled") else "alone",
    }


def processes_of(environment: Mapping[str, Any]) -> str:
    """How many processes trained together; one where it is not said, as in results of before it was."""
    machines = environment.get("machines", 1)
    on_machines = f" on {machines} machines" if machines > 1 else ""
    processes = environment.get("processes", 1)
    return f"{processes} process{'' if processes == 1 else 'es'}{on_machines}"


def _says_which_device(environment: Mapping[str, Any]) -> bool:
    """Whether an environment has what tables need of it, each of its type."""
    kinds = {
        "cpu": str, "gpu": str | None, "threads": int | None, "training_code": str | None, "node": str | None,
        "co_scheduled": bool | None, "processes": int, "machines": int,
    }  # fmt: skip
    return {"cpu", "gpu"} <= environment.keys() and all(
        isinstance(environment.get(name), kind) for name, kind in kinds.items() if name in environment
    )


def _first_problem(result: Result) -> str | None:
    """What no field alone can tell and tables could not live with; None where there is nothing."""
    environments = (result.environment, *(attempt.environment for attempt in result.attempts))
    if not all(map(_says_which_device, environments)):
        return "its environment does not say which device"
    measures = ("accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "marginal_gain")
    lacking = [name for name in measures if getattr(result, name) is None]
    if result.is_complete and lacking:
        return f"{lacking[0]} is missing"
    if result.epochs != len(result.epoch_seconds):
        return f"it has {result.epochs} epochs but the seconds of {len(result.epoch_seconds)}"
    if not math.isclose(result.total_seconds, sum(result.epoch_seconds), abs_tol=1e-9):
        return "its total_seconds is not the sum of its epoch_seconds"
    of_case = (result.case.model, result.case.dataset, result.case.seed, result.case.mode)
    if (result.model, result.dataset, result.seed, result.mode) != of_case:
        return "its model, dataset, seed or mode is not its case's"
    return None


def read_result(path: Path) -> Result:
    """The result in a ``result.json``.

    Raises:
        FileNotFoundError: it is not there.
        InputError: it cannot be read; where that is because of its content, a `DamagedError`. It names the file.
    """
    if path.exists() and not path.is_file():
        raise DamagedError(f"{path} is not a file")  # opening a pipe, say, would wait for ever
    try:
        return Result.from_text(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DamagedError(f"{path} is not a result of this harness: {error}") from error


def read_epoch_records(path: Path) -> list[EpochRecord]:
    """The records in an ``epochs.jsonl``, in order.

    Raises:
        InputError: it is not there, or a line is no record, or not of the epoch that is its turn. It names the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    records: list[EpochRecord] = []
    for number, line in enumerate(lines, 1):
        try:
            record = validated(EpochRecord, line)
            if record.epoch != number:
                raise ValueError(f"it is of epoch {record.epoch}")
        except ValueError as error:
            raise InputError(f"{path}, line {number}: not the record of epoch {number} ({error})") from error
        records.append(record)
    return records


def validated(kind: type[Value], content: Any) -> Value:
    """A value of one of the dataclasses above from JSON: bytes, or the plain values that it says.

    Raises:
        ValueError: a field is missing, of the wrong type or out of its range. It names the field.
    """
    text = content if isinstance(content, bytes) else json.dumps(content, allow_nan=False).encode()
    try:
        return cast(Value, _ADAPTERS[kind].validate_json(text, strict=True))
    except ValidationError as error:
        raise ValueError(complaint(error)) from error


def complaint(error: ValidationError) -> str:
    """The first thing that pydantic has against a value, with the field's name."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (EpochRecord, Attempt, Result)}
