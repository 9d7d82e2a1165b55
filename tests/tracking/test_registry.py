import sys

import pytest

from harness.errors import InputError
from harness.extras import how_to_install
from harness.tracking.registry import load_tracker
from tests.tracking.file_tracker import FileTracker


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_extra_is_named_with_its_command(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(InputError) as refusal:
        load_tracker(name)
    assert str(refusal.value) == f"--track {name} needs {name}, install it: {how_to_install(name)}"


def test_a_tracker_of_ones_own_is_module_and_class():
    assert load_tracker("tests.tracking.file_tracker:FileTracker") is FileTracker


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_such_module:Tracker", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("json:Tracker", "cannot be loaded: AttributeError: module 'json' has no attribute 'Tracker'"),
        ("json:JSONDecoder", "is not a tracker: derive it from harness.tracking.tracker.Tracker"),
        ("this_exits:Tracker", "cannot be loaded: SystemExit: 3"),
        ("json:loads", "is not a tracker: derive it from harness.tracking.tracker.Tracker"),
    ],
)
def test_anything_else_is_refused_by_name(name, why, tmp_path, monkeypatch):
    (tmp_path / "this_exits.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError) as refusal:
        load_tracker(name)
    assert str(refusal.value) == f"--track {name} {why}"
