import re

import pandas as pd

from tests.report.studies import TWO_MODELS, build_report, store_study


def test_long_table_is_cut_evenly_on_the_page_only(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.tables.MAX_PAGE_ROWS", 4)
    store_study(tmp_path / "results", seeds=range(5), accuracies=TWO_MODELS)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    page = made.report.page.read_text()
    table = page.partition('id="table-cifar10" ')[2].partition("</details>")[0]
    rows = [re.sub("<[^>]*>", " ", f"<tr{row}").split()[:2] for row in table.split("<tr")[2:]]
    assert rows == [["resnet20", "0"], ["resnet20", "1"], ["resnet56", "0"], ["resnet56", "1"]]
    assert '4 of 10 rows, evenly over the models; <a href="tables/cifar10.csv">all of them are in the CSV</a>' in table
    assert len(pd.read_csv(tmp_path / "report/tables/cifar10.csv")) == 10
    assert (tmp_path / "report/tables/cifar10.md").read_text().count("| complete") == 10


def test_row_of_many_seeds_links_to_the_first_and_csv_has_all(tmp_path, no_figures):
    for name, seeds in (("few", 10), ("many", 12)):
        store_study(tmp_path / name, seeds=range(seeds), accuracies=TWO_MODELS)
        made = build_report([tmp_path / name], tmp_path / f"{name}-report")
        table = made.report.page.read_text().partition('id="table-cifar10-accuracy"')[2].partition("</table>")[0]
        assert table.count('aria-label="seed ') == 2 * (10 if name == "few" else 3)
        assert table.count("and 9 more (CSV)") == 2 * (name == "many")
        frame = pd.read_csv(tmp_path / f"{name}-report/tables/cifar10-accuracy.csv")
        assert [len(runs.split()) for runs in frame["runs"]] == [seeds, seeds]
