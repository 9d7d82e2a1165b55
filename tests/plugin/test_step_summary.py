from types import SimpleNamespace

from harness.plugin.step_summary import append_step_summary, step_summary
from harness.report.terminal import comparison_tables
from tests.helpers.synthetic import synthetic_result


def test_step_summary_has_tables_and_lines_in_markdown():
    tables = comparison_tables([synthetic_result("digits", "resnet20")])
    text = step_summary(tables, [], ["no regression"])
    assert text.startswith("## wider or deeper\n\n### digits")
    assert "| model " in text
    assert text.endswith("- no regression\n\n")


def test_step_summary_keeps_the_layout_of_a_guards_verdict():
    verdict = ["case     before   after", "-------  ------  ------", "digits    1.0 s   1.3 s"]
    text = step_summary([], [], ["1 of 3 results reused"], verdict)
    assert text.endswith("reused\n\n### compared with the baseline\n\n```text\n" + "\n".join(verdict) + "\n```\n\n")


def test_unwritable_step_summary_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    lines = []
    reporter = SimpleNamespace(write_line=lambda line, **_: lines.append(line))
    append_step_summary(reporter, SimpleNamespace(results={}, workbench=None, guard=None), [], [])
    assert lines == [f"no summary in GITHUB_STEP_SUMMARY={tmp_path}: Is a directory"]
