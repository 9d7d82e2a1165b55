import json

import jsonschema
import pytest

from harness.__main__ import main
from harness.cli.doctor import finding_lines
from harness.cli.schema import schema_of
from harness.throughput.doctor import checks
from harness.throughput.doctor.checks import Check
from harness.throughput.doctor.findings import Finding, not_applicable, passed_if

PASSING = Check("right", lambda subject: passed_if(True, "relative difference 1.0e-07", difference=1e-7), 1.0)
FAILING = Check("wrong", lambda subject: passed_if(False, "other bits", difference=float("nan")), 1.0)
INAPPLICABLE = Check("none", lambda subject: not_applicable("needs CUDA"), 1.0)


def use_checks(monkeypatch, *found):
    monkeypatch.setattr(checks, "CHECKS", found)


def test_each_check_has_a_line_and_a_summary_follows(monkeypatch, capsys):
    use_checks(monkeypatch, PASSING, INAPPLICABLE)
    assert main(["doctor", "--device", "cpu"]) == 0
    output, progress = capsys.readouterr()
    lines = output.splitlines()
    assert "passed  right            relative difference 1.0e-07" in lines
    assert "n/a     none             needs CUDA" in lines
    assert lines[-1].endswith(": 1 passed, 0 failed, 1 not applicable")
    assert progress.splitlines()[0] == "check 1 of 2: right, about 2.0s left"


def test_a_failed_check_makes_the_exit_code_one(monkeypatch, capsys):
    use_checks(monkeypatch, FAILING, PASSING)
    assert main(["doctor", "--device", "cpu"]) == 1
    assert "FAILED  wrong            other bits" in capsys.readouterr().out


def test_json_matches_its_schema(monkeypatch, capsys):
    use_checks(monkeypatch, PASSING, FAILING, INAPPLICABLE)
    assert main(["doctor", "--device", "cpu", "--json"]) == 1
    output = json.loads(capsys.readouterr().out)
    jsonschema.validate(output, schema_of("doctor"))
    assert (output["passed"], output["failed"], output["not_applicable"], output["exit_code"]) == (1, 1, 1, 1)
    assert [check["figures"] for check in output["checks"]] == [{"difference": 1e-7}, {"difference": None}, {}]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--checks", "warmup"], "--checks 'warmup'"),
        (["--dataset", "imagenet"], "dataset 'imagenet'"),
        (["--model", "resnet21"], "resnet21"),
        (["--device", "tpu"], "unknown device 'tpu'"),
    ],
)
def test_wrong_input_exits_with_two_and_one_line(capsys, arguments, text):
    assert main(["doctor", *(["--device", "cpu"] if "--device" not in arguments else []), *arguments]) == 2
    output, error = capsys.readouterr()
    assert output == ""
    assert text in error


def test_a_long_line_is_folded_under_its_text():
    text = "share of pixels that differ: cifar10 0.0e+00, fashionmnist 0.0e+00, gtsrb 0.0e+00, digits 0.0e+00"
    finding = Finding("augmentation", passed_if(True, text), 1.0)
    assert finding_lines(finding, 160) == [f"passed  augmentation     {text}"]
    narrow = finding_lines(finding, 80)
    assert len(narrow) == 2
    assert max(map(len, narrow)) <= 80
    assert narrow[1].startswith(" " * 25)
