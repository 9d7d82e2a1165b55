import re
from types import SimpleNamespace

from harness.plugin.step_summary import append_step_summary, step_summary
from harness.report.terminal import comparison_tables
from harness.text import printable_lines
from tests.helpers.evil_names import EVIL_NAMES
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


def test_step_summary_shows_evil_names_as_text():
    for name in EVIL_NAMES:
        text = step_summary([], [], [name], [f"``` {name}", name])
        assert printable_lines(text) == text
        lines, _, verdict = text.partition("### compared with the baseline")
        assert not re.search(r"(?<!\\)[\[<`]", lines.replace("\\\\", ""))
        assert verdict.split("\n")[2] == "````text"


def test_public_step_summary_names_no_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    results = {k: synthetic_result("digits", "resnet20", k, environment={"node": f"machine{k}"}) for k in (0, 1)}
    for is_public in (False, True):
        settings = SimpleNamespace(public=is_public, results_dir=tmp_path)
        session = SimpleNamespace(results=results, workbench=None, guard=None, settings=settings)
        append_step_summary(None, session, [], [])
    named, public = (tmp_path / "summary.md").read_text().split("## wider or deeper")[1:]
    assert "trained on machine0 (1 case), machine1 (1 case)" in named
    assert "trained on host 1 (1 case), host 2 (1 case)" in public
