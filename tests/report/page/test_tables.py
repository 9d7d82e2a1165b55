import base64
import re

import pandas as pd

from harness.report.page.tables import csv_link
from tests.report.page.links import links_of
from tests.report.studies import TWO_MODELS, build_report, store_study


def test_long_table_is_cut_evenly_on_the_page_only(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.tables.MAX_PAGE_ROWS", 4)
    store_study(tmp_path / "results", seeds=range(5), accuracies=TWO_MODELS)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    page = made.report.page.read_text()
    table = page.partition('id="table-cifar10" ')[2].partition("</details>")[0]
    rows = [re.sub("<[^>]*>", " ", f"<tr{row}").split()[:2] for row in table.split("<tr")[2:]]
    assert rows == [["resnet20", "0"], ["resnet20", "1"], ["resnet56", "0"], ["resnet56", "1"]]
    assert "4 of 10 rows, evenly over the models; all of them are in the CSV." in table
    seeds = page.partition('id="table-cifar10-accuracy"')[2].partition("</table>")[0]
    assert seeds.count('href="#run-') == 4
    assert len(re.findall(r'<span title="cifar10-resnet\d+-seed[2-4]-[^"]*">[2-4]</span>', seeds)) == 6
    assert len(pd.read_csv(tmp_path / "report/tables/cifar10.csv")) == 10
    assert (tmp_path / "report/tables/cifar10.md").read_text().count("| complete") == 10


def test_row_of_many_seeds_links_to_the_first_and_csv_has_all(tmp_path, no_figures):
    for name, seeds in (("few", 10), ("many", 12)):
        store_study(tmp_path / name, seeds=range(seeds), accuracies=TWO_MODELS)
        made = build_report([tmp_path / name], tmp_path / f"{name}-report")
        table = made.report.page.read_text().partition('id="table-cifar10-accuracy"')[2].partition("</table>")[0]
        assert len(re.findall('aria-label="seed |<span title=', table)) == 2 * (10 if name == "few" else 3)
        assert table.count("and 9 more (CSV)") == 2 * (name == "many")
        frame = pd.read_csv(tmp_path / f"{name}-report/tables/cifar10-accuracy.csv")
        assert [len(runs.split()) for runs in frame["runs"]] == [seeds, seeds]


def test_nothing_on_the_page_leads_to_another_file(built):
    links = links_of(built.report.page)
    assert {link.partition(":")[0].partition("-")[0] for link in links if not link.startswith("#")} == {"data"}
    assert sum(link.startswith("data:text/csv;base64,") for link in links) == len(
        [path for path in built.report.tables if path.suffix == ".csv"]
    )
    text = built.report.page.read_text()
    assert "<code>tables/cifar10-accuracy.md</code> · <code>.tex</code>" in text
    assert "<code>figures/cifar10-differences.svg</code> · <code>.png</code>" in text


def test_data_link_holds_the_csv_file_up_to_a_size(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"model,n\nresnet20,1\n")
    kind, _, content = csv_link(path).partition(",")
    assert (kind, base64.b64decode(content)) == ("data:text/csv;base64", path.read_bytes())
    monkeypatch.setattr("harness.report.page.tables.MAX_CSV_BYTES", 17)
    assert csv_link(path) == ""


def test_long_csv_file_is_named_and_not_on_the_page(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr("harness.report.page.tables.MAX_CSV_BYTES", 0)
    store_study(tmp_path / "results", seeds=(0,), accuracies=TWO_MODELS)
    made = build_report([tmp_path / "results"], tmp_path / "report")
    assert [link for link in links_of(made.report.page) if not link.startswith("#")] == ["data:,"]
    assert "<code>tables/cifar10.csv</code> · <code>.md</code> · <code>.tex</code>" in made.report.page.read_text()
