"""A report of results that strangers made: each ends in a line that names its file, and the others are reported."""

import functools
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from harness.config.recipes import CIFAR10
from harness.results.inference_time import InferenceTime
from tests.helpers.synthetic import outcome, store, synthetic_result
from tests.report.studies import build_report
from tests.results.forging import bomb, npz, removing, replace_file, rewrite, setting

LABELS, PREDICTIONS = outcome("cifar10", 90.0, 0, 1000)
SHORT = {"recipe": CIFAR10.with_epochs(4)}
HUGE = 10**30


def reordered(content):
    """Give every class the name of another."""
    names = [one["class_name"] for one in content["per_class"]]
    for one, name in zip(content["per_class"], reversed(names), strict=True):
        one["class_name"] = name


def with_seconds(seconds):
    """Return a change of every epoch's seconds, and of what is computed from them."""

    def change(content):
        total = sum([seconds] * content["epochs"])
        content |= {"epoch_seconds": [seconds] * content["epochs"], "total_seconds": total}
        content["marginal_gain"] = min(content["accuracy_percent"] / total, 1e300) if total else None

    return change


VALUES = {
    "a class without images": (removing("per_class.3.images"), "per_class.3: images"),
    "a class that is null": (setting("per_class.3", None), "per_class.3"),
    "a class without a name": (setting("per_class.3.class_name", None), "per_class.3: class_name"),
    "a class with a number as its name": (setting("per_class.3.class_name", 3), "per_class.3: class_name"),
    "a class with huge counts": (setting("per_class.3.images", HUGE), "per_class.3: images"),
    "a class with one more key": (setting("per_class.3.extra", 1), "per_class.3: extra"),
    "a class twice": (setting("per_class.3.class_name", "dog"), "a class twice"),
    "a class less": (removing("per_class.3"), "images of its classes"),
    "classes of other names": (reordered, "its classes are not those of"),
    "other recall": (
        setting("per_class.3.recall_percent", 11.0),
        "recall_percent of cat is recorded as 11, recomputed",
    ),
    "huge params": (setting("params", HUGE), "params"),
    "params of 400 digits": (setting("params", 10**400), "params"),
    "negative macs": (setting("macs", -1), "macs"),
    "huge macs": (setting("macs", HUGE), "macs"),
    "huge memory": (setting("peak_memory_bytes", HUGE), "peak_memory_bytes"),
    "many test images": (setting("test_images", 10**9), "test_images"),
    "no test images": (setting("test_images", 0), "it has no test images"),
    "other test images": (setting("test_images", 999), "its 999 test_images"),
    "long seconds": (with_seconds(1e300), "seconds"),
    "short seconds": (with_seconds(5e-324), "seconds"),
    "long wall clock": (setting("wall_seconds", 1e308), "wall_seconds"),
    "versions as a list": (setting("environment.versions", ["torch"]), "environment: versions"),
    "a version as a number": (setting("environment.versions", {"torch": 2}), "environment: versions.torch"),
    "negative threads": (setting("environment.threads", -1), "environment: threads"),
    "a huge number of processes": (setting("environment.processes", HUGE), "environment: processes"),
    "code as a list": (setting("attempts.0.environment.code", []), "attempts.0.environment: code"),
    "a code without a hash": (setting("attempts.0.environment.code", {"a": 1}), "attempts.0.environment: code.a"),
    "no processor": (setting("environment.cpu", None), "environment: cpu"),
    "a huge val_split": (setting("case.val_split", 1e300), "val_split"),
    "a huge milestone": (setting("case.recipe.milestones", [1, HUGE]), "case.recipe.milestones is out of range"),
    "a depth of 0": (setting("network", {"family": "a", "depth": 0, "width": 1.0}), "depth or width"),
    "a width of 0": (setting("network", {"family": "a", "depth": 1, "width": 0.0}), "depth or width"),
    "a huge width": (setting("network", {"family": "a", "depth": 1, "width": 1e308}), "depth or width"),
    "a tiny width": (setting("network", {"family": "a", "depth": 1, "width": 5e-324}), "depth or width"),
    "other accuracy": (setting("accuracy_percent", 99.99), "accuracy_percent is recorded as 99.99, recomputed 90"),
    "other macro-F1": (setting("macro_f1_percent", 99.0), "macro_f1_percent is recorded as 99, recomputed"),
    "other marginal gain": (setting("marginal_gain", 1e17), "marginal_gain is recorded as 1e+17, recomputed"),
    "other best accuracy": (setting("best_accuracy_percent", 99.9), "best_accuracy_percent is recorded as 99.9, recom"),
    "other best epoch": (setting("best_epoch", 2), "best_epoch is recorded as 2, recomputed 4"),
    "a best epoch beyond the last": (setting("best_epoch", 5), "beyond its 4 epochs"),
    "other confusion": (setting("confusion.0.0", 7), "confusion is not that of the predictions"),
    "confusion without a row": (removing("confusion.3"), "not a square of its 10 classes"),
    "times of use without a batch": (removing("inference.0.batch"), "inference.0.batch"),
    "a time of use of no length": (setting("inference.0.median_seconds", 0.0), "less than a clock can measure"),
    "a huge time of use": (setting("inference.0.median_seconds", 1e300), "inference.0.median_seconds"),
    "a negative spread": (setting("inference.0.spread_seconds", -1.0), "inference.0.spread_seconds"),
    "no rounds of use": (setting("inference.1.rounds", 0), "inference.1.rounds"),
    "a time of use twice": (setting("inference.1.batch", 1), "the same batch and threads twice"),
    "huge activations": (setting("activations", HUGE), "activations"),
    "weights smaller than params": (setting("weight_bytes", 7), "do not fit into its 7 weight_bytes"),
    "an attempt beyond the last epoch": (setting("attempts.0.first_epoch", 10**18), "its attempts begin at"),
}


def other_accuracy_and_gain(content):
    content["accuracy_percent"] = 99.99
    content["marginal_gain"] = 99.99 / content["total_seconds"]


VALUES["other accuracy with its gain"] = (
    other_accuracy_and_gain,
    "accuracy_percent is recorded as 99.99, recomputed 90",
)

PREDICTED = {
    "garbage": (b"garbage" * 100, "not an archive"),
    "nothing": (b"", "not an archive"),
    "half an archive": (npz(labels=LABELS, predictions=PREDICTIONS)[:-3000], "not an archive"),
    "fewer images": (npz(labels=LABELS[:100], predictions=PREDICTIONS[:100]), "100 images"),
    "two dimensions": (npz(labels=LABELS[None], predictions=PREDICTIONS), "labels are not a list of whole numbers"),
    "a scalar": (npz(labels=LABELS, predictions=np.int64(3)), "predictions are not a list of whole numbers"),
    "floats": (npz(labels=LABELS * 1.0, predictions=PREDICTIONS), "labels are not a list of whole numbers"),
    "NaN": (npz(labels=LABELS * np.nan, predictions=PREDICTIONS), "labels are not a list of whole numbers"),
    "text": (npz(labels=LABELS.astype("U1"), predictions=PREDICTIONS), "labels are not a list of whole numbers"),
    "objects": (npz(labels=LABELS.astype(object), predictions=PREDICTIONS), "labels"),
    "complex numbers": (npz(labels=LABELS, predictions=PREDICTIONS * 1j), "predictions"),
    "no predictions": (npz(labels=LABELS), "no array"),
    "a label beyond the classes": (
        npz(labels=np.where(LABELS == 3, 10, LABELS), predictions=PREDICTIONS),
        "10 classes",
    ),
    "a negative label": (npz(labels=np.where(LABELS == 3, -1, LABELS), predictions=PREDICTIONS), "10 classes"),
    "other labels": (npz(labels=PREDICTIONS, predictions=LABELS), "recorded as"),
    "15 GB of claims": (bomb(2 * 10**9), "2,000,000,000 images"),
    "more bytes than images": (npz(labels=np.zeros(10**5, int), predictions=PREDICTIONS), "claims 800,128 bytes"),
}

EPOCHS = {
    "no epochs": (lambda lines: [], "epochs is recorded as 4, and it has 0 records"),
    "an epoch less": (lambda lines: lines[:-1], "and it has 3 records"),
    "other seconds": (
        lambda lines: [lines[0].replace('"epoch_seconds": 10.0', '"epoch_seconds": 0.5'), *lines[1:]],
        "the seconds of epoch 1 are recorded as 10, and its record has 0.5",
    ),
    "NaN in an epoch": (lambda lines: [lines[0].replace('"epoch_seconds": 10.0', '"epoch_seconds": NaN')], "line 1"),
    "a huge loss": (
        lambda lines: [*lines[:-1], lines[-1].replace('"train_loss": 1.0', '"train_loss": 1e400')],
        "the last train_loss inf is out of range",
    ),
    "garbage in the epochs": (lambda lines: ["\x00\xff"], "line 1"),
    "an accuracy above 100": (lambda lines: [lines[0].replace('_percent": ', '_percent": 9')], "line 1"),
}

RAW = {
    "nested deeply": "[" * 100_000,
    "an object nested deeply": '{"a":' * 100_000,
    "no JSON": "{",
    "a number beyond floats": '{"schema_version": 2, "a": 1e400, "sha256": ""}',
    "an integer of 5,000 digits": '{"schema_version": ' + "1" * 5000 + "}",
    "a key twice": '{"schema_version": 2, "schema_version": 2}',
    "an array": "[]",
    "UTF-16": "{}".encode("utf-16"),
}


def pipe(path):
    os.mkfifo(path)


def sparse(path):
    with open(path, "wb") as file:
        file.truncate(8 * 2**30)


SPECIAL = {
    "a pipe": pipe,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "8 GB of nothing": sparse,
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path),
}
KINDS = [
    *[f"value: {name}" for name in VALUES],
    *[f"predictions: {name}" for name in PREDICTED],
    *[f"epochs: {name}" for name in EPOCHS],
    *[f"raw: {name}" for name in RAW],
    *[f"{file}: {name}" for name in SPECIAL for file in ("result.json", "epochs.jsonl", "predictions.npz")],
]


def forge(folder, kind):
    """Make a stored case one of the kinds; return the text that its line must have besides the file's name."""
    what, _, name = kind.partition(": ")
    match what:
        case "value":
            change, text = VALUES[name]
            rewrite(folder, change)
        case "predictions":
            content, text = PREDICTED[name]
            replace_file(folder, "predictions.npz", content)
        case "epochs":
            change, text = EPOCHS[name]
            lines = change((folder / "epochs.jsonl").read_text().splitlines())
            replace_file(folder, "epochs.jsonl", "".join(f"{line}\n" for line in lines).encode())
        case "raw":
            text, content = "", RAW[name]
            (folder / "result.json").write_bytes(content if isinstance(content, bytes) else content.encode())
        case _:
            text = "cannot be read" if name != "a link to itself" else ""
            (folder / what).unlink()
            SPECIAL[name](folder / what)
    return text


@functools.cache
def run(model):
    """Return a short run of a model."""
    predicted = LABELS, PREDICTIONS
    return synthetic_result(
        model=model,
        predicted=predicted,
        test_images=len(LABELS),
        case_changes=SHORT,
        mode="shortened",
        inference=(InferenceTime(1, 2, 15, 1e-3, 1e-5), InferenceTime(64, 2, 15, 2e-2, 1e-4)),
        activations=10**6,
        weight_bytes=10**9,
    )


def store_run(root, model, seed):
    result = run(model)
    return store(root, replace(result, seed=seed, case=replace(result.case, seed=seed)), (LABELS, PREDICTIONS))


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A report of good runs and one forged run of each kind; the folders and expected texts by kind."""
    root = tmp_path_factory.mktemp("foreign") / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        patch.setattr("harness.report.build.study_figures", lambda *_: [])
        good = [store_run(root, model, seed) for model in ("resnet20", "resnet56") for seed in range(3)]
        expected = {}
        for number, kind in enumerate(KINDS):
            folder = root / store_run(root, "resnet110", 100 + number).case.folder_name
            expected[kind] = folder, forge(folder, kind)
        return build_report([root], root.parent / "report"), good, expected


@pytest.mark.parametrize("kind", KINDS)
def test_foreign_result_has_one_line_that_names_it(kind, reported):
    made, _, expected = reported
    folder, text = expected[kind]
    (line,) = [line for line in made.loaded.left_out if folder.name in line]
    assert text in line
    assert len(line.splitlines()) == 1
    assert f"results/{folder.name}" in made.report.page.read_text() or len(made.loaded.left_out) > 20


def test_good_results_beside_foreign_ones_are_reported(reported):
    made, good, _ = reported
    kept = [one for one in made.loaded.results if one.model != "resnet110"]
    assert {one.case.identity for one in kept} == {one.case.identity for one in good}


def cost(**sizes):
    """Return a change of a result's sizes."""
    return lambda content: content.update(sizes)


EXTREMES = {
    "no parameters": cost(params=0, macs=0),
    "as many parameters as fit": cost(params=10**18, macs=10**18, peak_memory_bytes=10**18, train_images=10**18),
    "no time": with_seconds(0.0),
    "the shortest time": with_seconds(1e-9),
    "the longest time": with_seconds(1e9),
    "a lone surrogate": setting("environment.cpu", "\ud800"),
    "odd dates": cost(started_at="", finished_at="never"),
    "no versions": setting("environment", {"cpu": "", "gpu": None}),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_numbers_are_reported_without_overflow(name, tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)
    if name not in ("no parameters", "the longest time"):
        monkeypatch.setattr("harness.report.build.study_figures", lambda *_: [])
    root = tmp_path / "results"
    for model in ("resnet20", "resnet56", "resnet20-4"):
        result = store_run(root, model, 0)
        if model != "resnet20":
            rewrite(root / result.case.folder_name, EXTREMES[name])
    made = build_report([root], tmp_path / "report")
    tables = [path.read_text() for path in made.report.tables if path.suffix == ".csv"]
    assert len(made.loaded.results) + len(made.loaded.left_out) == 3
    assert [cell for text in tables for cell in re.findall("[0-9]{40}|[^a-z]inf[^a-z]|[^a-z]nan[^a-z]", text)] == []
