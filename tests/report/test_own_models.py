"""Reports of own families, of networks of libraries, and of several families."""

import re

import pytest

from harness.config.given_axes import GivenAxes
from harness.report.loading import load_results_folders
from harness.report.terminal import comparison_tables, report_text, terminal_text
from harness.results.declared_axes import FILE, AskedStudy, declare_axes
from tests.analysis.own_models import built_in_result, family_results, own_result
from tests.helpers.synthetic import outcome, store
from tests.report.page.links import links_of
from tests.report.studies import build_report

LIBRARY = {"torchvision:resnet18": 94.0, "torchvision:resnet34": 95.0, "torchvision:wide_resnet50_2": 96.5}
BASE, DEEPER, WIDER = LIBRARY


def store_all(root, results):
    for one in results:
        store(root, one, outcome("digits", one.accuracy_percent, one.seed))


def library_results():
    return [
        own_result(model, seed, accuracy + 0.4 * seed, model)
        for model, accuracy in LIBRARY.items()
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    """The report of networks with long names, a colon in them, and given axes; tests must not change it."""
    place = tmp_path_factory.mktemp("libraries")
    store_all(place / "results", library_results())
    axes = GivenAxes(BASE, (DEEPER,), (WIDER,))
    declare_axes(place / "results", [AskedStudy("digits", "0" * 64, frozenset(LIBRARY), axes)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("harness.report.build.study_figures", lambda *_: [])
        return build_report([place / "results"], place / "report")


@pytest.mark.parametrize("width", [80, 160])
def test_long_names_line_up_in_the_terminal(libraries, width):
    tables = [terminal_text(one, width) for one in comparison_tables(libraries.loaded.results)]
    for table in tables:
        rows = [line for line in table.splitlines() if line.startswith("torchvision:")]
        assert len({len(row) for row in rows}) == 1
        assert max(map(len, table.splitlines())) <= width
    report = report_text(libraries.report, width)
    assert max(len(line) for line in report.splitlines() if not line.startswith("written: ")) <= width
    assert re.search(rf"same scale factor, step 1 +wider +\+\S+.*{WIDER}", report)


def test_page_of_names_with_a_colon_has_safe_ids_and_links(libraries):
    html = libraries.report.page.read_text("utf-8")
    ids = re.findall(r' id="([^"]*)"', html)
    assert f"row-digits-{WIDER.replace(':', '--')}" in ids
    assert not [one for one in ids if ":" in one]
    assert {link[1:] for link in links_of(libraries.report.page) if link.startswith("#row-")} <= set(ids)
    assert f"take <b>{WIDER.replace(':', ':<wbr>')}</b>" in html


def test_files_and_folders_of_names_with_a_colon_are_safe(libraries):
    paths = [path.relative_to(libraries.folder.parent) for path in libraries.folder.parent.rglob("*")]
    assert not [path for path in paths if ":" in str(path)]
    assert len(libraries.loaded.results) == 9


def test_damaged_axes_are_left_out_of_the_report_with_their_remedy(tmp_path):
    store_all(tmp_path, library_results()[:1])
    (tmp_path / FILE).write_text("{")
    loaded = load_results_folders([tmp_path])
    assert len(loaded.evidence) == 1
    assert [line for line in loaded.left_out if FILE in line and "delete it" in line]


def test_report_of_several_families_has_all_of_them_in_its_tables(tmp_path, no_figures):
    results = [built_in_result(model, seed) for model in ("resnet8", "resnet14", "resnet8-2") for seed in range(2)]
    results += family_results({"mynet1": (90.0, 90.5), "mynet3": (91.0, 91.6)})
    store_all(tmp_path / "results", results)
    built = build_report([tmp_path / "results"], tmp_path / "report")
    accuracy = (tmp_path / "report/tables/digits-accuracy.csv").read_text("utf-8")
    for model in ("resnet8", "resnet14", "resnet8-2", "mynet1", "mynet3"):
        assert f"\n{model}," in accuracy
    ((_, answer),) = built.report.answers
    assert {model for one in answer.verdicts for model in one.contrast} <= {"resnet8", "resnet14", "resnet8-2"}
    assert "without mynet1 and mynet3" in " ".join(answer.cautions)
