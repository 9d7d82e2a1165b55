import subprocess
import sys

from harness.training.callback import TrainingCallback
from tests.helpers import REPOSITORY


def test_the_default_callback_never_stops_training(tiny_result):
    callback = TrainingCallback()
    callback.on_progress(tiny_result.case, 1, 0.5)
    callback.on_notice(None, "a notice")
    assert not callback.should_stop()


def test_progress_and_the_engine_interface_need_no_torch():
    modules = "harness.training.callback, harness.training.progress, harness.study.engines.engine"
    code = f"import sys; import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
