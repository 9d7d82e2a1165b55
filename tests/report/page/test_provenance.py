from dataclasses import replace

import pandas as pd

from harness.report.page.provenance import training_environments
from harness.report.truncation import MAX_LINES
from tests.helpers.synthetic import outcome, store, synthetic_result
from tests.report.studies import build_report


def with_command(result, command):
    return replace(result, attempts=(replace(result.attempts[0], command=command),))


def test_many_commands_are_cut_on_the_page_and_csv_has_each(tmp_path, no_figures):
    for seed in range(MAX_LINES + 2):
        predicted = outcome("cifar10", 90.0, seed)
        result = synthetic_result(seed=seed, predicted=predicted)
        store(tmp_path / "results", with_command(result, f"pytest bench --seeds {seed}"), predicted)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    section = made.report.page.read_text().partition("Training commands</h4>")[2].partition("</pre>")[0]
    assert section.count("pytest bench") == MAX_LINES
    assert "2 more: # the CSV tables of runs" in section
    commands = pd.read_csv(tmp_path / "report/tables/cifar10.csv")["commands"]
    assert commands.tolist() == [f"pytest bench --seeds {seed}" for seed in range(MAX_LINES + 2)]


def test_an_unknown_commit_has_its_reason_without_paths():
    refused = {"commit": None, "commit_problem": "git refuses a checkout of another owner: git --add /home/me/harness"}
    (line,) = training_environments([synthetic_result(environment=refused)])
    assert "commit unknown: git refuses a checkout of another owner: git --add harness" in line
    (line,) = training_environments([synthetic_result(environment={"commit": None})])
    assert "unknown" not in line
