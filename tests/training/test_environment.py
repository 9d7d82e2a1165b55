import sys

import torch

from harness.training import environment
from harness.training.environment import describe_environment

CPU = torch.device("cpu")


def test_the_environment_says_what_a_time_depends_on():
    described = describe_environment(CPU, "fp32")
    assert described["threads"] == torch.get_num_threads()
    assert described["versions"]["torch"] == torch.__version__
    assert (described["device"], described["precision"], described["gpu"]) == ("cpu", "fp32", None)
    assert described["cpu"]
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))


def test_outside_a_checkout_the_commit_is_unknown(monkeypatch, tmp_path):
    environment._commit.cache_clear()
    monkeypatch.setattr(environment, "_SOURCE", tmp_path)
    assert environment._commit() is None
    environment._commit.cache_clear()
