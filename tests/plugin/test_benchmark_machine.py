import json

from harness.plugin.benchmark_machine import machine_changes
from tests.plugin.benches import results_in

CPU = {"cpu": "AMD EPYC", "threads": 2, "precision": "fp32", "versions": {"torch": "2.14.0"}}


def test_machine_compares_equal_until_its_threads_change(bench, pytester):
    bench("--benchmark-autosave", "-k", "resnet8-seed0").assert_outcomes(passed=1, deselected=1)
    (path,) = pytester.path.glob(".benchmarks/*/*.json")
    saved = json.loads(path.read_text())
    ours = saved["machine_info"]["wider_or_deeper"]
    assert {"cpu", "gpu", "threads", "device"} <= ours.keys()
    assert not {"commit", "training_code", "code", "node"} & ours.keys()
    assert ours["threads"] == results_in(pytester)[0]["environment"]["threads"]

    saved["machine_info"]["cpu"]["hz_actual_friendly"] = "0.8 GHz"  # the clock rate of another moment
    path.write_text(json.dumps(saved))
    alike = bench("--benchmark-compare", "-k", "resnet8-seed0")
    text = alike.stdout.str() + alike.stderr.str()
    assert "machine_info is different" not in text
    assert "other conditions" not in text

    ours["threads"] = 64
    path.write_text(json.dumps(saved))
    other = bench("--benchmark-compare", "-k", "resnet8-seed0")
    other.stdout.fnmatch_lines(["--benchmark-compare: the run saved at 20* has other conditions: 64 threads → *"])


def test_changes_of_a_machine_are_named():
    assert machine_changes(CPU, CPU) == []
    assert machine_changes(CPU, CPU | {"gpu": "NVIDIA H100", "precision": "bf16"}) == [
        "AMD EPYC → NVIDIA H100",
        "fp32 → bf16",
    ]
    ray = {"engine": "ray", "cluster": "2 nodes"}
    assert machine_changes(CPU, ray) == ["this machine alone → 2 nodes"]
    assert machine_changes(ray, ray) == []
