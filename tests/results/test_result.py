from dataclasses import replace

import pytest

from harness.files import with_sha256
from harness.results.reading import parse_result
from harness.results.result import Attempt


def test_result_has_the_contracted_fields(tiny_result):
    assert {
        "schema_version", "status", "mode", "case", "model", "dataset", "seed", "params", "macs", "accuracy_percent",
        "best_accuracy_percent", "best_epoch", "macro_f1_percent", "epochs", "epoch_seconds", "train_seconds",
        "eval_seconds", "total_seconds", "marginal_gain", "environment",
    } <= tiny_result.to_json().keys()  # fmt: skip


def test_result_without_reserved_peak_is_readable(tiny_result):
    values = tiny_result.to_json()
    del values["peak_reserved_bytes"], values["attempts"][0]["peak_reserved_bytes"]
    read = parse_result(with_sha256(values))
    assert (read.peak_reserved_bytes, read.attempts[0].peak_reserved_bytes) == (None, None)


def attempts(*first_epochs, threads=None):
    environment = {"cpu": "a", "gpu": None, "threads": 2, "versions": {"torch": "2.15"}}
    threads = threads or [2] * len(first_epochs)
    return tuple(
        Attempt(first, "2026", environment | {"threads": count})
        for first, count in zip(first_epochs, threads, strict=True)
    )


def test_interruptions_are_listed_by_epoch(tiny_result):
    assert tiny_result.interrupted_after == ()
    assert replace(tiny_result, attempts=attempts(1, 2, 2, 4)).interrupted_after == (1, 1, 3)


def test_hardware_change_counts_only_if_both_trained_epochs(tiny_result):
    def changes(attempts):
        return replace(tiny_result, attempts=attempts).changes_between_attempts

    assert changes(attempts(1, 2, threads=[2, 2])) == ()
    assert changes(attempts(1, 2, threads=[2, 1])) == ("2 threads → 1 thread",)
    assert changes(attempts(1, 2, 2, threads=[2, 1, 2])) == ()
    assert changes(attempts(1, 4, threads=[2, 1])) == ()  # interrupted after the last epoch
    assert changes(attempts(1, 2, 3, threads=[2, 1, 2])) == ("2 threads → 1 thread", "1 thread → 2 threads")
    back_and_forth = replace(tiny_result, epochs=4, attempts=attempts(1, 2, 3, 4, threads=[2, 1, 2, 1]))
    assert back_and_forth.changes_between_attempts == ("2 threads → 1 thread", "1 thread → 2 threads")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cpu": "b"}, "a → b"),
        ({"gpu": "H200"}, "a → H200"),
        ({"versions": {"torch": "2.16"}}, "torch 2.15 → torch 2.16"),
        ({"versions": None}, "torch 2.15 → torch None"),
    ],
)
def test_device_and_torch_changes_count_like_threads(change, message, tiny_result):
    first, second = attempts(1, 2)
    changed = replace(second, environment=second.environment | change)
    assert replace(tiny_result, attempts=(first, changed)).changes_between_attempts == (message,)


def test_repr_shows_the_measures_and_fits_a_notebooks_cell(tiny_result):
    assert f"accuracy_percent={tiny_result.accuracy_percent}" in repr(tiny_result)
    assert len(repr(tiny_result)) < 2500


def test_command_of_an_older_result_has_no_password(tiny_result):
    masked = "pytest --benchmark-storage 'http://me:***@host/a'"
    older = tiny_result.to_json()
    older["attempts"][0]["command"] = "pytest --benchmark-storage http://me:hunter2@host/a"
    assert parse_result(with_sha256(older)).attempts[0].command == masked
    assert Attempt(1, "2026", {}, command=masked).command == masked
    assert Attempt(1, "2026", {}).command is None


def test_command_of_an_attempt_is_cut_to_its_longest():
    attempt = Attempt(1, "", {}, command='"' + "a" * 10**6)
    assert attempt.command == '"' + "a" * 99_999
