import subprocess
import sys

import pytest

from tests.helpers import REPOSITORY


@pytest.fixture
def in_a_process(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "harness", *arguments]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)

    return run
