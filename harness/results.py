"""What is kept on disk of a case, and its reading back.

Under the results folder each case has a folder of its own: ``result.json``, ``epochs.jsonl`` (one line appended per
epoch), ``predictions.npz`` (test labels and predicted classes) and ``weights.safetensors``.
"""

import json
import math
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from harness.case import Case, Mode
from harness.errors import InputError

SCHEMA_VERSION = 1
Content = TypeVar("Content")
Status = Literal["complete", "diverged", "out_of_memory", "failed"]


@dataclass(frozen=True)
class EpochRecord:
    """One epoch: what it came to and what it took.

    Attributes:
        epoch: counted from 1.
        evaluation_loss, evaluation_accuracy_percent: on the test set, or on the validation set where one is held out.
        load_seconds: choosing, moving and augmenting the training images.
        train_seconds: forward, backward and optimizer steps.
        evaluate_seconds: the evaluation, its own loading included.
        checkpoint_seconds: saving the state to resume from; always 0 as yet, for nothing is saved between epochs.
        epoch_seconds: wall-clock time of training plus evaluation, the paper's epoch time; checkpoints are not in it.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy_percent: float
    evaluation_loss: float
    evaluation_accuracy_percent: float
    load_seconds: float
    train_seconds: float
    evaluate_seconds: float
    checkpoint_seconds: float
    epoch_seconds: float

    @property
    def is_finite(self) -> bool:
        """Whether both losses are numbers."""
        return math.isfinite(self.train_loss) and math.isfinite(self.evaluation_loss)


@dataclass(frozen=True)
class Result:
    """What a case came to. Fields without a value are None where training did not complete.

    Attributes:
        best_accuracy_percent, best_epoch: of the best epoch. By the paper's protocol it is chosen on the test set; with
            a validation split it is chosen there, and the accuracy is those weights' on the test set.
        epochs: epochs recorded.
        epoch_seconds: of every epoch, see `EpochRecord`.
        train_seconds: loading and training, all epochs. eval_seconds: evaluating, all epochs.
        total_seconds: the sum of the epochs' seconds, the paper's total training time.
        wall_seconds: from the first line to the last, everything included.
        compile_seconds: compiling and capturing before the first epoch; in no epoch's time.
        marginal_gain: equation 6, percent per second.
        images_per_second: training images over loading and training.
        dataset_origin: where the images came from. dataset_verified: whether they are the published ones, None where
            their layout leaves nothing to compare with. dataset_whole: as many as published. stand_in: digits instead.
        cause: why it did not complete.
    """

    schema_version: int
    status: Status
    mode: str
    case: Case
    model: str
    dataset: str
    seed: int
    params: int
    macs: int
    accuracy_percent: float | None
    best_accuracy_percent: float | None
    best_epoch: int | None
    macro_f1_percent: float | None
    epochs: int
    epoch_seconds: tuple[float, ...]
    train_seconds: float
    eval_seconds: float
    total_seconds: float
    wall_seconds: float
    marginal_gain: float | None
    images_per_second: float | None
    peak_memory_bytes: int
    train_images: int
    evaluation_images: int
    test_images: int
    dataset_origin: str
    dataset_verified: bool | None
    dataset_whole: bool
    stand_in: bool
    environment: Mapping[str, Any]
    started_at: str
    per_class: tuple[Mapping[str, Any], ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    cause: str | None = None
    compile_seconds: float = 0.0

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

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Any) -> "Result":
        """The result that `to_json` gave.

        Raises:
            ValueError: it is not one, or of another schema.
        """
        if not isinstance(content, dict):
            raise ValueError("it is not a JSON object")
        if content.get("schema_version") != SCHEMA_VERSION:
            raise ValueError(
                f"its schema_version is {content.get('schema_version')!r}, this harness reads {SCHEMA_VERSION}"
            )
        known = {field.name for field in fields(cls)}
        try:
            result = cls(**{key: value for key, value in content.items() if key in known})
            result = replace(
                result,
                case=Case.from_json(content["case"]),
                epoch_seconds=tuple(content["epoch_seconds"]),
                per_class=tuple(result.per_class),
                confusion=tuple(map(tuple, result.confusion)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a field is missing or wrong ({error})") from error
        if problem := _first_problem(result):
            raise ValueError(problem)
        return result


_NUMBERS = (
    "accuracy_percent", "best_accuracy_percent", "macro_f1_percent", "marginal_gain", "images_per_second",
)  # fmt: skip


def _first_problem(result: Result) -> str | None:
    """What tables and comparisons could not live with; None where there is nothing."""
    if result.status not in get_args(Status):
        return f"its status is {result.status!r}"
    if result.mode not in get_args(Mode):
        return f"its mode is {result.mode!r}"
    if not isinstance(result.environment, Mapping) or not {"cpu", "gpu"} <= result.environment.keys():
        return "its environment does not say which device"
    numbers = {
        name: getattr(result, name) for name in _NUMBERS if getattr(result, name) is not None or result.is_complete
    }
    numbers |= {name: getattr(result, name) for name in ("seed", "params", "macs", "epochs", "total_seconds")}
    numbers |= {f"epoch_seconds[{k}]": value for k, value in enumerate(result.epoch_seconds)}
    wrong = [name for name, value in numbers.items() if isinstance(value, bool) or not isinstance(value, int | float)]
    if wrong:
        return f"{wrong[0]} is no number"
    if (result.model, result.dataset, result.seed) != (result.case.model, result.case.dataset, result.case.seed):
        return "its model, dataset or seed is not its case's"
    return None


class ResultsFolder:
    """The results folder: a folder per case in it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, case: Case) -> Path:
        return self.root / case.folder_name

    def begin(self, case: Case) -> None:
        """Make an empty place for the case. What an earlier, unfinished run of it left is removed.

        Raises:
            InputError: the folder cannot be written to.
        """
        folder = self.folder(case)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("result.json", "epochs.jsonl", "predictions.npz", "weights.safetensors"):
                (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot write results to {folder} ({error.strerror}): give another --results-dir"
            ) from error

    def find(self, case: Case) -> Result | None:
        """The case's result, if it has one that can be read and all that belongs to it."""
        folder = self.folder(case)
        try:
            result = read_result(folder / "result.json")
            recorded = len(self.read_epochs(case)) if result.epochs else 0
        except (FileNotFoundError, InputError, ValueError, TypeError):
            return None
        kept = ("predictions.npz", "weights.safetensors") if result.is_complete else ()
        is_whole = recorded == result.epochs and all((folder / name).exists() for name in kept)
        return result if is_whole and result.case.identity == case.identity else None

    def append_epoch(self, case: Case, record: EpochRecord) -> None:
        """Add a line to ``epochs.jsonl``; a loss that is no number becomes null."""
        values = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(record).items()
        }
        with open(self.folder(case) / "epochs.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(values, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_epochs(self, case: Case) -> list[EpochRecord]:
        """The case's epoch records in order."""
        text = (self.folder(case) / "epochs.jsonl").read_text(encoding="utf-8")

        def record(values: dict[str, Any]) -> EpochRecord:
            return EpochRecord(**(values | {key: math.nan for key, value in values.items() if value is None}))

        return [record(json.loads(line)) for line in text.splitlines()]

    def write_predictions(self, case: Case, labels: NDArray[np.integer], predictions: NDArray[np.integer]) -> None:
        """Labels and predicted classes of every test image, each (N,), in the dataset's order."""
        write_atomically(
            self.folder(case) / "predictions.npz",
            lambda path: np.savez_compressed(path, labels=labels, predictions=predictions),
        )

    def write_weights(self, case: Case, save: Callable[[Path], None]) -> None:
        """The final weights, by a function that saves them to a path."""
        write_atomically(self.folder(case) / "weights.safetensors", save)

    def write_result(self, case: Case, result: Result) -> None:
        """``result.json``, last of all files: where it stands, the others are whole."""
        text = json.dumps(result.to_json(), indent=1, allow_nan=False)
        write_text_atomically(self.folder(case) / "result.json", text + "\n")

    def read_all(self) -> tuple[list[Result], list[str]]:
        """Every result in the folder, and for each that cannot be read a line that says which and why."""
        return read_each(self.root.glob("*/result.json"), read_result)


def read_each(paths: Iterable[Path], read: Callable[[Path], Content]) -> tuple[list[Content], list[str]]:
    """What ``read`` makes of each file, in the order of their names, and the `InputError` of each that it refuses."""
    contents: list[Content] = []
    problems: list[str] = []
    for path in sorted(paths):
        try:
            contents.append(read(path))
        except InputError as error:
            problems.append(str(error))
    return contents, problems


def read_result(path: Path) -> Result:
    """The result in a ``result.json``.

    Raises:
        FileNotFoundError: it is not there.
        InputError: it cannot be read as a result; the message names the file.
    """
    try:
        return Result.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a result of this harness: {error}") from error


def require_writable(folder: Path, option: str) -> None:
    """Make sure that there is a folder and that files can be made in it.

    Raises:
        InputError: they cannot; it names the option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{option} {folder} cannot be written to ({error.strerror}): give another folder") from error


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Have ``write`` fill a temporary file beside ``path``, then put it in place: the old content or the new, whole."""
    temporary = path.with_name(f".writing-{uuid.uuid4().hex}{path.suffix}")
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """`write_atomically` for text, as UTF-8."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
