import re

from harness.analysis.claim_findings import VERDICTS
from harness.paper.claims import CLAIMS
from harness.report.page.claims import claims_view
from harness.report.tables.claims import judge_all
from tests.analysis.judging import claim_study
from tests.analysis.synthetic_evidence import study
from tests.report.studies import TWO_MODELS, build_report, store_study

WIDER = {"resnet20": [89.0, 89.2], "resnet56": [90.0, 90.1], "resnet20-2": [91.0, 91.25]}


def view(accuracies=WIDER, **changes):
    return claims_view(judge_all([claim_study(study(accuracies, **changes))]))


def names(rows):
    return [row["claim"].name for row in rows]


def test_measured_claims_come_first_and_no_claim_is_lost():
    shown = view()
    assert names(shown["measured"]) == ["C1", "C9", "C16", "C18"]
    assert sorted(names([*shown["measured"], *shown["unmeasured"]])) == sorted(claim.name for claim in CLAIMS)
    assert names(view(is_trained_as_published=False)["measured"]) == []


def test_verdicts_have_the_mark_and_class_of_their_word():
    first, *_ = view()["measured"]
    (measured, published) = first["verdicts"]
    assert published == [{"text": "one run", "mark": "•", "kind": "one-run"}]
    assert measured == [{"text": "supported (1 of 2 measured)", "mark": "✓", "kind": "supported"}]
    mixed = view()["measured"][2]["verdicts"][0]
    assert [one["kind"] for one in mixed] == ["mixed"]


def test_direction_and_size_are_marked_apart():
    shown = view({"resnet20": [89.0, 89.2], "resnet110": [90.0, 90.1], "resnet20-8": [90.7, 90.85]})
    claim = shown["measured"][0]
    assert claim["claim"].name == "C2"
    assert [(one["mark"], one["text"]) for one in claim["statements"][0]["findings"][0]["verdicts"]] == [
        ("✓", "direction supported"),
        ("✗", "size contradicted"),
    ]


def test_key_explains_every_verdict_word():
    key = view()["key"]
    assert [one["verdict"]["text"] for one in key] == list(VERDICTS)
    assert [one["verdict"]["kind"] for one in key] == [word.replace(" ", "-") for word in VERDICTS]


def built(tmp_path, **changes):
    store_study(tmp_path / "results", seeds=(0, 1), accuracies=TWO_MODELS, **changes)
    build_report([tmp_path / "results"], tmp_path / "report")
    return (tmp_path / "report/index.html").read_text(), tmp_path / "report/tables/claims.csv"


def test_page_shows_measured_claims_and_folds_the_others(tmp_path, no_figures):
    text, table = built(tmp_path)
    section = text.partition('<section id="claims">')[2].partition("</section>")[0]
    at_once = section.partition("<details")[0]
    _, _, folded = section.partition("<h3>16 claims that are not measured here</h3>")
    assert re.findall(r">(C\d+)<", at_once) == ["C16", "C18"]
    assert re.findall(r">(C\d+)<", folded) == [f"C{number}" for number in range(1, 18) if number != 16]
    assert "what each verdict means" in section.lower()
    assert table.exists()


def test_page_has_no_claims_without_a_dataset_of_the_paper(tmp_path, no_figures):
    text, table = built(tmp_path, dataset="digits")
    assert 'id="claims"' not in text
    assert "tables/claims" not in text
    assert not table.exists()
