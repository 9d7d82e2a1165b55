from xml.etree import ElementTree

from harness.report.page.plot import plot_key, plot_views
from harness.report.page.tables import RowIds
from tests.analysis.budget_studies import USE
from tests.report.page.studies import LEVEL, WIDE_WINS, page_of, study_page

IDS = RowIds({("full", "CIFAR-10", model): f"row-cifar10-{model}" for model in WIDE_WINS})


def links(view):
    return {one.get("href"): one.get("aria-label") for one in ElementTree.fromstring(view["drawing"]).iter("a")}


def test_each_point_links_to_its_row_and_says_its_figures():
    views = plot_views(study_page(WIDE_WINS), IDS)
    assert [view["words"] for view in views] == ["training time", "parameters", "MACs"]
    for view in views:
        assert set(links(view)) == {f"#row-cifar10-{model}" for model in WIDE_WINS}
    said = links(views[0])["#row-cifar10-resnet20-4"]
    assert said.startswith("resnet20-4: 92.00 % [")
    assert said.endswith("], 42m40s of training, n = 3") or said.endswith("of training, n = 3")


def test_measured_use_has_its_own_drawings():
    views = plot_views(study_page(WIDE_WINS, use=USE), IDS)
    assert [view["words"] for view in views[3:]] == ["latency", "throughput"]
    latency, throughput = (view["drawing"] for view in views[3:])
    assert ">5 ms</text>" in latency
    assert ">latency of one image, logarithmic</text>" in latency
    assert ">500</text>" in throughput
    assert "92.00 % [" in links(views[3])["#row-cifar10-resnet20-4"]
    assert links(views[3])["#row-cifar10-resnet20-4"].endswith("10.4 ms latency of an image, n = 3")
    assert links(views[4])["#row-cifar10-resnet20-4"].endswith("143 images/s, n = 3")
    assert [drawing.count('class="budget"') for drawing in (latency, throughput)] == [1, 1]


def test_unknown_times_are_not_drawn():
    page = study_page(LEVEL, seconds=dict.fromkeys(LEVEL))
    assert [view["measure"] for view in plot_views(page, RowIds())] == ["params", "macs"]


def test_one_run_has_no_interval_and_one_model_can_be_drawn():
    (view, *_) = plot_views(study_page({"resnet20": (90.0,)}), RowIds())
    assert 'class="interval"' not in view["drawing"]
    assert "resnet20: 90.00 %," in view["drawing"]


def test_line_of_the_budget_has_its_difference():
    (time, *_) = plot_views(study_page(WIDE_WINS), IDS)
    assert time["drawing"].count('class="budget"') == 1
    assert "pp</text>" in time["drawing"]


def test_key_has_the_kinds_that_are_drawn():
    assert [one["kind"] for one in plot_key(study_page(WIDE_WINS).evidence)] == ["base", "deep", "wide"]
    assert [one["kind"] for one in plot_key(page_of(study_page({"resnet20": (90.0,)}).evidence).evidence)] == ["other"]


def test_many_models_are_all_points_and_few_have_names():
    models = {f"resnet{8 + 6 * k}": (80.0 + k, 80.4 + k, 79.9 + k) for k in range(7)}
    models |= {f"resnet8-{width}": (81.0 + width, 80.8 + width, 81.3 + width) for width in range(2, 16)}
    (time, *_) = plot_views(study_page(models, seconds=None), RowIds())
    assert time["drawing"].count('class="point') == len(models)
    assert 1 < time["drawing"].count('class="name"') <= 4
    assert len(time["drawing"]) / len(models) < 1500
