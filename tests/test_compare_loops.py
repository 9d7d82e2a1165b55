import subprocess

import pytest

from bench import compare_loops
from bench.compare_loops import LOOPS, RECIPE, epoch_of, report


def test_speeds_are_over_both_bases_round_by_round(capsys):
    report({"per-image": [2.0, 4.0, 8.0], "channels-last": [1.0, 3.0, 4.0], "fast-fp32": [0.5, 2.0, 2.0]})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("median (quartiles) of 3 rounds, over channels-last | over per-image")
    assert [line.split("|")[0].split()[:2] for line in lines[1:]] == [
        ["per-image", "0.50"],
        ["channels-last", "1.00"],
        ["fast-fp32", "2.00"],
    ]
    assert [line.split("|")[1].split()[0] for line in lines[1:]] == ["1.00", "2.00", "4.00"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--rounds", "1", "--rounds 1: quartiles need two"), ("--images", "100", "--images 100: a batch has 128 images")],
)
def test_options_that_allow_no_ratio_are_refused(option, value, message, monkeypatch, capsys):
    monkeypatch.setattr(compare_loops, "measure", lambda *_: pytest.fail("measured"))
    monkeypatch.setattr(compare_loops.sys, "argv", ["compare_loops", option, value])
    with pytest.raises(SystemExit):
        compare_loops.main()
    assert message in capsys.readouterr().err


@pytest.mark.release  # they are of the benchmark alone
@pytest.mark.parametrize("loop", [loop for loop in LOOPS if loop != "fast-bf16"])  # slow where a CPU lacks bf16
def test_each_loop_trains_an_epoch(loop, monkeypatch):
    taken = []
    step = compare_loops.torch.optim.SGD.step
    monkeypatch.setattr(
        compare_loops.torch.optim.SGD, "step", lambda self, *rest: (taken.append(1), step(self, *rest))[1]
    )
    epoch_of(loop, "resnet8", 2 * RECIPE.batch_size)()
    assert len(taken) == 2


def test_a_loop_that_does_not_start_ends_the_comparison(monkeypatch):
    started = subprocess.Popen
    monkeypatch.setattr(
        compare_loops.subprocess, "Popen", lambda command, **options: started(["echo", "broken"], **options)
    )
    with pytest.raises(SystemExit, match="loop fast-fp32 did not start"):
        compare_loops.measure(["fast-fp32"], "resnet8", 128, 1)
