"""A case's result, built once, from final values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.config.case import Case
from harness.models.build import model_of
from harness.models.cost import count_activations, count_macs, count_parameters, count_weight_bytes
from harness.models.identity import with_origin
from harness.models.trial import network_notes
from harness.results.disturbance import causes_of
from harness.results.inference_time import InferenceTime
from harness.results.marginal_gain import marginal_gain
from harness.results.metrics import Scores
from harness.results.result import SCHEMA_VERSION, OwnNetwork, Result, Status
from harness.timestamps import utc_now
from harness.training.history import History
from harness.training.job import CaseImages, TrainingJob
from harness.training.trainers.trainer import empty_network


@dataclass(frozen=True)
class FinalScores:
    """The scores of a complete case on the test images.

    Attributes:
        final: the last epoch's.
        best_accuracy_percent, best_epoch: the best epoch's, see `Result`.
    """

    final: Scores
    best_accuracy_percent: float
    best_epoch: int


@dataclass(frozen=True)
class Ending:
    """The end of a case's training.

    Attributes:
        cause: why it did not complete; None if it did.
        scores: None unless it is complete.
        inference: the times to use the network; empty unless it is complete.
    """

    status: Status
    cause: str | None = None
    scores: FinalScores | None = None
    inference: tuple[InferenceTime, ...] = ()


def build_result(
    job: TrainingJob,
    images: CaseImages,
    history: History,
    ending: Ending,
    files: Mapping[str, str],
    notes: tuple[str, ...] = (),
) -> Result:
    """Build a case's result.

    Args:
        images: the case's images by their use; only their numbers count.
        history: with the last attempt's final times.
        files: SHA-256 of each of the case's other files, by name.
        notes: remarks on how the last attempt trained the network.
    """
    case, dataset = job.case, job.dataset
    return Result(
        schema_version=SCHEMA_VERSION,
        status=ending.status,
        mode=case.mode,
        case=case,
        model=case.model,
        dataset=case.dataset,
        seed=case.seed,
        train_images=len(images.train),
        evaluation_images=len(images.evaluated),
        test_images=len(images.test),
        dataset_origin=dataset.origin,
        dataset_verified=job.context.dataset_verified,
        dataset_whole=dataset.is_whole and case.train_fraction == 1,
        stand_in=dataset.is_stand_in,
        files=files,
        cause=ending.cause,
        inference=ending.inference,
        network=_own_network(case),
        **_cost(job, history.library_notes() + notes),
        **_times(history, len(images.train)),
        **_attempts(history),
        **_measures(ending.scores, history.total_seconds),
    )


def _own_network(case: Case) -> OwnNetwork | None:
    if not case.network:
        return None
    model = with_origin(model_of(case))
    origin = model.origin
    assert origin is not None, "a user's own network has one"
    place = (model.family, model.depth, model.width)
    return OwnNetwork(*place, origin.file, origin.module, origin.name, origin.family_code)


def _cost(job: TrainingJob, notes: tuple[str, ...]) -> dict[str, Any]:
    case, spec = job.case, job.dataset.spec
    model, input_shape = model_of(case), spec.input_shape(case.recipe.image_size)
    empty = empty_network(case, spec)
    return {
        "params": count_parameters(empty),
        "macs": count_macs(model, input_shape, spec.num_classes, case.shortcut),
        "activations": count_activations(model, input_shape, spec.num_classes, case.shortcut),
        "weight_bytes": count_weight_bytes(empty),
        "notes": network_notes(model, input_shape, spec.num_classes) + notes,
    }


def _times(history: History, train_images: int) -> dict[str, Any]:
    records = history.records
    train_seconds = sum(record.load_seconds + record.train_seconds for record in records)
    return {
        "epochs": len(records),
        "epoch_seconds": tuple(record.epoch_seconds for record in records),
        "disturbed_epochs": tuple(record.epoch for record in records if record.is_disturbed),
        "disturbance_causes": causes_of(record.disturbance for record in records if record.disturbance is not None),
        "train_seconds": train_seconds,
        "eval_seconds": sum(record.evaluate_seconds for record in records),
        "total_seconds": history.total_seconds,
        "checkpoint_seconds": sum(record.checkpoint_seconds for record in records),
        "images_per_second": train_images * len(records) / train_seconds if train_seconds else None,
    }


def _attempts(history: History) -> dict[str, Any]:
    attempts = history.attempts
    reserved = (one.peak_reserved_bytes for one in attempts if one.peak_reserved_bytes is not None)
    return {
        "compile_seconds": sum(attempt.compile_seconds for attempt in attempts),
        "wall_seconds": sum(attempt.wall_seconds for attempt in attempts),
        "peak_memory_bytes": max(attempt.peak_memory_bytes for attempt in attempts),
        "peak_reserved_bytes": max(reserved, default=None),
        "environment": attempts[-1].environment,
        "started_at": attempts[0].started_at,
        "finished_at": utc_now(),
        "attempts": tuple(attempts),
        "switched_off": {k: v for attempt in attempts for k, v in attempt.environment.get("switched_off", {}).items()},
    }


def _measures(scores: FinalScores | None, total_seconds: float) -> dict[str, Any]:
    if scores is None:
        measures = ("accuracy_percent", "best_accuracy_percent", "best_epoch", "macro_f1_percent", "marginal_gain")
        return dict.fromkeys(measures)
    return {
        "best_accuracy_percent": scores.best_accuracy_percent,
        "best_epoch": scores.best_epoch,
        "marginal_gain": marginal_gain(scores.final.accuracy_percent, total_seconds),
        **scores.final.to_json(),
    }
