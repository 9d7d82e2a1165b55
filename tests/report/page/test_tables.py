import re

import pandas as pd

from tests.helpers.synthetic import failed_result, store
from tests.report.studies import TWO_MODELS, build_report, store_study


def test_long_table_is_cut_evenly_on_the_page_only(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.tables.MAX_PAGE_ROWS", 4)
    store_study(tmp_path / "results", seeds=range(5), accuracies=TWO_MODELS)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    page = made.report.page.read_text()
    table = page.partition('id="table-cifar10">')[2].partition("</details>")[0]
    rows = [re.sub("<[^>]*>", " ", f"<tr{row}").split()[:2] for row in table.split("<tr")[2:]]
    assert rows == [["20", "0"], ["20", "1"], ["56", "0"], ["56", "1"]]
    assert '4 of 10 rows, evenly over the models; <a href="tables/cifar10.csv">all of them are in the CSV</a>' in table
    assert len(pd.read_csv(tmp_path / "report/tables/cifar10.csv")) == 10
    assert (tmp_path / "report/tables/cifar10.md").read_text().count("| complete") == 10


def test_row_of_many_seeds_links_to_the_first_and_csv_has_all(tmp_path, no_figures):
    for name, seeds in (("few", 10), ("many", 12)):
        store_study(tmp_path / name, seeds=range(seeds), accuracies=TWO_MODELS)
        made = build_report([tmp_path / name], tmp_path / f"{name}-report")
        table = made.report.page.read_text().partition('id="table-cifar10-accuracy"')[2].partition("</table>")[0]
        assert table.count(">seed ") == 2 * (10 if name == "few" else 3)
        assert table.count("and 9 more (CSV)") == 2 * (name == "many")
        frame = pd.read_csv(tmp_path / f"{name}-report/tables/cifar10-accuracy.csv")
        assert [len(runs.split()) for runs in frame["runs"]] == [seeds, seeds]


def test_tables_of_many_models_are_folded_except_the_first(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.tables.MAX_UNFOLDED_ROWS", 1)
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    page = build_report([tmp_path / "results"], tmp_path / "report").report.page.read_text()
    assert "<summary>CIFAR-10: macro-F1 beside accuracy (the paper&#39;s table 5)</summary>" in page
    assert "<summary>CIFAR-10: accuracy and training time" not in page


def test_warning_refers_to_the_csv_if_runs_are_cut(tmp_path, no_figures, monkeypatch):
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    store(tmp_path / "results", failed_result(seed=7))
    pages = []
    for limit in (3, 2):
        monkeypatch.setattr("harness.report.page.render.MAX_PAGE_ROWS", limit)
        pages.append(build_report([tmp_path / "results"], tmp_path / "report").report.page.read_text())
    assert ["listed in the CSV tables of runs (status, cause)" in page for page in pages] == [False, True]
    assert ["marked in the tables of runs" in page for page in pages] == [True, False]
