"""The test images' logits, stored beside the predictions."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import nn

from harness.errors import DamagedError
from harness.foreign_files import sha256_of
from harness.results import checked_files, logit_array
from harness.results.checked_files import ContradictedError, read_logits
from harness.results.folder import ResultsFolder
from harness.study.stored_network import load_network
from harness.training.train import train
from harness.training.trainers.evaluation import in_half_precision
from harness.training.trainers.fast import FastTrainer
from tests.helpers.networks import own_case
from tests.helpers.rank_threads import train_in_threads
from tests.helpers.tiny import CPU, make_case
from tests.helpers.training import interrupt


def logits_of(result, results):
    return read_logits(results.folder(result.case), result)


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
@pytest.mark.parametrize("val_split", [0.0, 0.4])
def test_stored_logits_are_those_of_the_stored_weights(tiny_dataset, results, pipeline, val_split):
    case = make_case(tiny_dataset, pipeline=pipeline, val_split=val_split)
    result = train(case, tiny_dataset, results, CPU)
    logits = logits_of(result, results)
    assert (logits.shape, logits.dtype) == ((12, 3), np.float16)
    network = load_network(results.folder(case))
    images = (tiny_dataset.test.pixels.float() / 255 - 0.5) / 0.5
    with torch.no_grad():
        expected = torch.softmax(network(images), dim=1).numpy()
    assert softmax(logits.astype(np.float32), axis=1) == pytest.approx(expected, abs=1e-3)
    assert results.find(case) == result
    assert not any("logits" in note for note in result.notes)


def test_ranks_store_the_logits_of_all_images(tiny_dataset, results, tmp_path):
    alone = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    folder = ResultsFolder(tmp_path / "together")
    together, _ = train_in_threads(2, make_case(tiny_dataset), tiny_dataset, folder)
    assert logits_of(together, folder).astype(np.float32) == pytest.approx(
        logits_of(alone, results).astype(np.float32), abs=0.01
    )


def test_logits_that_are_too_large_are_left_out_with_a_note(tiny_dataset, results, monkeypatch):
    monkeypatch.setattr(logit_array, "MOST_LOGIT_BYTES", 71)  # 12 images of 3 classes have 72
    result = train(make_case(tiny_dataset), tiny_dataset, results, CPU)
    assert "logits.npy" not in result.files
    assert logits_of(result, results) is None
    assert any(note.startswith("logits are not stored: those of 12 test images") for note in result.notes)
    assert results.find(result.case) == result


def test_half_precision_is_finite_and_keeps_the_largest_logit():
    exact = torch.tensor([[1e9, -1e9, 5.0], [300.0, 299.9996, -torch.inf], [1e-3, 0.0, 2e-3]])
    half = in_half_precision(exact)
    assert torch.isfinite(half).all()
    assert half.argmax(1).tolist() == exact.argmax(1).tolist() == [0, 0, 2]
    assert in_half_precision(exact.bfloat16()).dtype == torch.float16


class NotANumber(nn.Module):
    """A network whose second logit is no number in the test set alone."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 3)

    def forward(self, x):
        logits = self.fc(x.flatten(1))
        if not self.training and len(x) == 12:
            logits = torch.cat([logits[:, :1], torch.full_like(logits[:, :1], torch.nan), logits[:, 2:]], 1)
        return logits


def test_logits_that_are_not_numbers_are_left_out_with_a_note(tiny_dataset, results):
    case = own_case(tiny_dataset, lambda *_: NotANumber(), val_split=0.3)
    result = train(case, tiny_dataset, results, CPU)
    assert "logits are not stored: some are not numbers" in result.notes
    assert "logits.npy" not in result.files
    assert results.find(case) == result


@pytest.mark.parametrize(
    ("val_split", "asked"), [(0.0, [False, False, True]), (0.4, [False, False, False, True, False])]
)
def test_logits_are_kept_of_the_final_evaluation_alone(tiny_dataset, results, monkeypatch, val_split, asked):
    found, evaluate = [], FastTrainer.evaluate
    monkeypatch.setattr(
        FastTrainer,
        "evaluate",
        lambda self, images, **options: found.append(evaluate(self, images, **options)) or found[-1],
    )
    train(make_case(tiny_dataset, val_split=val_split), tiny_dataset, results, CPU)
    assert [one.logits is not None for one in found] == asked


def test_case_interrupted_after_its_last_epoch_gets_the_same_logits(tiny_dataset, results, tmp_path):
    case, whole = make_case(tiny_dataset), ResultsFolder(tmp_path / "whole")
    interrupt(case, tiny_dataset, results, case.recipe.epochs, at_its_end=True)
    resumed, never = (train(case, tiny_dataset, folder, CPU) for folder in (results, whole))
    assert np.array_equal(logits_of(resumed, results), logits_of(never, whole))


@pytest.fixture
def trained(tiny_dataset, results):
    return train(make_case(tiny_dataset), tiny_dataset, results, CPU)


def forged(result, results, logits):
    """The result with other logits and the SHA-256 that fits them."""
    results.write_logits(result.case, logits)
    path = results.folder(result.case) / "logits.npy"
    return replace(result, files={**result.files, path.name: sha256_of(path, path.stat().st_size)})


def test_logits_that_contradict_the_predictions_are_named(trained, results):
    other = np.roll(logits_of(trained, results), 1, axis=1)
    result = forged(trained, results, other)
    with pytest.raises(ContradictedError, match=r"logits.npy contradicts its result.json: the largest logits of \d+"):
        logits_of(result, results)
    assert results.contradiction(result) is None  # no number of the result rests on them
    results.write_result(result.case, result)
    with pytest.raises(DamagedError, match="contradicts"):
        results.find(result.case)


def test_logits_of_another_shape_are_refused(trained, results):
    with pytest.raises(ContradictedError, match="it has logits of 12 × 4, the result has 12 × 3"):
        logits_of(forged(trained, results, np.zeros((12, 4), np.float16)), results)


def test_damaged_logits_are_refused(trained, results):
    path = results.folder(trained.case) / "logits.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DamagedError, match="is damaged"):
        logits_of(trained, results)
    path.unlink()
    with pytest.raises(DamagedError, match=r"logits\.npy is missing"):
        logits_of(trained, results)


def test_a_kept_result_is_checked_with_its_predictions_read_once(trained, results, monkeypatch):
    read, parse = [], checked_files.parse_predictions
    monkeypatch.setattr(checked_files, "parse_predictions", lambda *given: read.append(given) or parse(*given))
    assert results.find(trained.case) == trained
    assert len(read) == 1
    monkeypatch.setattr(checked_files, "parse_logits", lambda *_: pytest.fail("logits were read"))
    assert results.contradiction(trained) is None


def test_results_of_earlier_versions_have_none_and_stay_readable(trained, results):
    (results.folder(trained.case) / "logits.npy").unlink()
    earlier = replace(trained, files={name: digest for name, digest in trained.files.items() if name != "logits.npy"})
    results.write_result(trained.case, earlier)
    assert results.find(trained.case) == earlier
    assert logits_of(earlier, results) is None
    assert results.contradiction(earlier) is None
    assert checked_files.LOGITS not in earlier.files
