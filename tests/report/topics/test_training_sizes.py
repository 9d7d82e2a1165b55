import pytest

from tests.report.topics.related import report_of, store_shares


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report of three shares of the training images; tests must not change it."""
    return report_of(tmp_path_factory.mktemp("sizes"), store_shares)


def table(report, ending):
    (path,) = (report.folder / "tables").glob(f"cifar10*training-sizes{ending}.md")
    return path.read_text()


def test_each_size_has_its_answer_in_one_table(report):
    of_params = [line.split("|") for line in table(report, "").splitlines() if line.startswith("| parameters")]
    assert [cells[2].strip() for cells in of_params] == ["5,000 (10 %)", "25,000 (50 %)", "50,000 (100 %)"]
    assert [cells[3].strip() for cells in of_params] == ["wider", "deeper", "deeper"]


def test_trend_is_in_a_table_a_figure_and_a_sentence(report):
    assert "wider minus deeper" in table(report, "-trend")
    assert list((report.folder / "figures").glob("cifar10*training-sizes-accuracy.svg"))
    across = report.report.page.read_text().partition('id="across"')[2]
    assert "by doubling of the images" in across
    assert "−1.02 pp" in table(report, "-trend")


def test_claim_on_sizes_is_supported_by_shares_of_one_dataset(report):
    row = next(
        line for line in (report.folder / "tables" / "claims.csv").read_text().splitlines() if line.startswith("C17")
    )
    assert row.count("supported") >= 1
    assert "CIFAR-10: resnet20-4 minus resnet110" in row


def test_smaller_shares_are_not_compared_with_published_figures(report):
    published = {evidence.train_images: evidence.is_trained_as_published for evidence, _ in report.report.answers}
    assert published == {5_000: False, 25_000: False, 50_000: True}
