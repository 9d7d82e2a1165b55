import sys

import torch

from harness.training.environment import describe_environment

CPU = torch.device("cpu")


def test_environment_records_what_times_depend_on():
    described = describe_environment(CPU, "fp32")
    assert described["threads"] == torch.get_num_threads()
    assert described["versions"]["torch"] == torch.__version__
    assert (described["device"], described["precision"], described["gpu"]) == ("cpu", "fp32", None)
    assert described["cpu"]
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))
