"""The outputs of commands with ``--json`` as classes; schemas and docs/json.md are made from them.

The larger outputs, of ``report`` and ``check``, are in modules of their own.
"""

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
    """It rises when a key is renamed or removed, or changes its meaning; new keys do not raise it."""


class ModelRow(Part):
    """A model at an input."""

    model: str
    """The canonical name, e.g. `resnet20-4` or `torchvision:resnet18`."""
    dataset: str | None
    """The dataset that the study trains it on; null for a model that the command line names."""
    input_shape: tuple[int, int, int]
    """Channels, height and width of the input."""
    classes: int
    """The number of classes."""
    depth: int | None
    """The nominal depth; null for a network without a place in a family."""
    width: int | float | None
    """The width coefficient ω; null like the depth."""
    params: int
    """Trainable parameters."""
    macs: int
    """Multiply-accumulate operations of one image's forward pass, in convolutions and linear layers."""


class ModelsOutput(Output):
    """The output of `models --json`."""

    command: Literal["models"] = "models"
    """The command."""
    models: list[ModelRow]
    """A row per model, in the order of the study or of the command line."""


class DatasetRow(Part):
    """A dataset on disk, or the way to get it."""

    dataset: str
    """The name, e.g. `cifar10` or `folder:PATH`."""
    status: Literal["present", "missing", "incomplete", "damaged"]
    """`incomplete`: some files are there and others are not; `damaged`: wrong content, or no such folder of images."""
    layout: str | None = None
    """The layout of the files, e.g. `class folders`; null if no file was found."""
    path: str | None = None
    """The folder or file that it was found in."""
    train_images: int | None = None
    """The number of training images found."""
    test_images: int | None = None
    """The number of test images found."""
    published_train_images: int | None = None
    """The published number of training images; of a folder of one's own, the number found."""
    published_test_images: int | None = None
    """The published number of test images; of a folder of one's own, the number found."""
    classes: int | None = None
    """The number of classes."""
    is_verified: bool | None = None
    """True if the files have the published content; false if the layout has no checksums."""
    missing_files: tuple[str, ...] = ()
    """The files that an incomplete dataset lacks."""
    cache_path: str | None = None
    """The folder of its decoded images; null if there is none."""
    cache_bytes: int | None = None
    """The size of that folder."""
    problem: str | None = None
    """What is wrong with a damaged dataset."""
    how_to_get: str | None = None
    """Which files to put where, of a missing or incomplete dataset."""


class DataOutput(Output):
    """The output of `data --json`. Exit code 2: a dataset is damaged."""

    command: Literal["data"] = "data"
    """The command."""
    data_dir: str
    """The data folder."""
    datasets: list[DatasetRow]
    """A row per dataset."""


class PlannedCase(Part):
    """A case with its estimated time."""

    dataset: str
    """The dataset's name."""
    model: str
    """The model's canonical name."""
    seed: int
    """The seed."""
    recipe: str
    """The recipe's name."""
    image_size: int
    """The side of the network's square input, in pixels."""
    mode: Literal["full", "shortened", "quick"]
    """`quick` measures nothing; `shortened` has other epochs than the recipe's own."""
    epochs: int
    """The number of epochs."""
    epoch_seconds: float | None
    """The estimated time of an epoch: training and evaluation; null if its steps could not be timed."""
    total_seconds: float | None
    """The estimated time of all epochs; null if its steps could not be timed."""
    is_finished: bool
    """True if its result is in the results folder and would be reused."""
    is_of_other_code: bool
    """True if other code has trained the result in the results folder, so that pytest refuses to run."""
    estimate_error: float | None
    """The estimated over the recorded epoch time of the same model and dataset, minus 1; null if none is recorded."""
    failure: str | None = None
    """The reason why its steps could not be timed, e.g. `out of memory`; null if they were."""
    disturbed_by: tuple[str, ...] = ()
    """The causes that made the timed steps too slow, e.g. `other processes used 1.0 cores`; empty if undisturbed."""
    variant: str = ""
    """What tells it from the other variants that are compared, e.g. `epochs30-fraction0.1`; empty if nothing does."""
    train_fraction: float = 1.0
    """The share of the training images."""


class StudyPower(Part):
    """The differences that the seeds of a study in full training detect, with 80 % power."""

    dataset: str
    """The dataset's name."""
    seeds: int
    """The number of seeds."""
    models: int
    """The number of models."""
    detectable_points: float | None
    """The smallest true difference that the seeds detect, in percentage points; null for one seed."""
    target_points: float
    """The difference that `seeds_needed` is for, in percentage points."""
    seeds_needed: int | None
    """The seeds that detect `target_points`; null if the planned seeds do."""
    spread_points: float
    """The standard deviation between seeds, in percentage points."""
    is_spread_measured: bool
    """True if the spread was measured on stored results; false if it is assumed."""
    variant: str = ""
    """What tells it from the other variants of the dataset, as in the cases; empty if nothing does."""


class PlanOutput(Output):
    """The output of `plan --json`."""

    command: Literal["plan"] = "plan"
    """The command."""
    device: str
    """The device that the steps were timed on, e.g. `cpu` or `cuda:0`."""
    precision: str
    """The precision, e.g. `fp32`."""
    pipeline: str
    """The pipeline, `fast` or `reference`."""
    cases: list[PlannedCase]
    """A row per selected case."""
    remaining_seconds: float
    """The estimated time of the cases that are not finished, without those whose steps could not be timed."""
    power: list[StudyPower]
    """A row per dataset with several models in full training."""


class Scores(Part):
    """Metrics on the test images."""

    accuracy_percent: float
    """The test accuracy."""
    macro_f1_percent: float
    """The unweighted mean of the classes' F1 scores."""


class TimeOfUse(Part):
    """The time of a forward pass, measured over several rounds."""

    batch: int
    """The number of images per pass."""
    threads: int
    """The CPU threads in use."""
    rounds: int
    """The number of rounds; each is the mean over its passes."""
    median_seconds: float
    """The seconds of a pass, the median over the rounds."""
    spread_seconds: float
    """The interquartile range of the rounds."""
    is_disturbed: bool
    """True if other work shared the machine, so that the time is no measure of the network."""


class EvaluateOutput(Output):
    """The output of `evaluate --json`. Exit code 1: the result is not reproduced exactly."""

    command: Literal["evaluate"] = "evaluate"
    """The command."""
    path: str
    """The result.json."""
    dataset: str
    """The dataset's name."""
    model: str
    """The model's canonical name."""
    seed: int
    """The seed."""
    is_exact: bool
    """True if accuracy, macro-F1 and every prediction are the recorded ones."""
    recorded: Scores
    """The scores in result.json."""
    reproduced: Scores
    """The scores of the stored weights, computed now."""
    changed_predictions: int
    """The number of test images whose predicted class differs from the recorded one."""
    recorded_use: list[TimeOfUse]
    """The times to use the network, measured after its training; empty in earlier results."""
    reproduced_use: list[TimeOfUse]
    """The times to use it, measured now if some are recorded."""
    notes: list[str]
    """The reason for each time to use it that is left out now."""
    recorded_on: str
    """The hardware and software that trained it."""
    reproduced_on: str
    """The hardware and software that evaluated it now."""


class ExportCheck(Part):
    """The exported model, run by onnxruntime on test images."""

    images: int
    """The number of images checked."""
    test_images: int
    """The number of test images."""
    equal: int
    """The number of images predicted as recorded."""
    rounding: int
    """The number predicted differently that the precision of training does not resolve."""
    different: int
    """The number predicted differently, and not by rounding."""
    tolerance: float
    """The difference of logits that the precision of training does not resolve."""
    greatest_logit: float
    """The greatest absolute logit of torch."""
    greatest_logit_difference: float
    """The greatest absolute difference from torch's logits."""
    is_passed: bool
    """True if the recorded predictions are reproduced, except by rounding, and the logits are torch's."""


class ExportOutput(Output):
    """The output of `export --json`. Exit code 1: not reproduced; 2: written, but not checked."""

    command: Literal["export"] = "export"
    """The command."""
    path: str
    """The result.json."""
    dataset: str
    """The dataset's name."""
    model: str
    """The model's canonical name."""
    seed: int
    """The seed."""
    onnx_file: str
    """The ONNX model written."""
    preprocessing_file: str
    """The steps from an image to the model's input, the classes and the origin of the weights."""
    check: ExportCheck | None
    """The check; null if `--no-check` left it out, or the images are missing or others."""
