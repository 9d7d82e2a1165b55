from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.analysis.comparison import Comparisons
from harness.analysis.training_sizes import size_trend
from harness.analysis.wording import trend_text
from harness.results.result import LearningCurve
from tests.analysis.simulated_topics import TRAIN_IMAGES, by_size, count_trends
from tests.analysis.synthetic_evidence import grouped
from tests.helpers.marks import slow_first
from tests.helpers.synthetic import synthetic_result


def test_slope_is_in_points_per_doubling_of_the_images():
    trend = size_trend(by_size(lambda size: 1 - 0.5 * np.log2(size / 5_000), spread=0.001))
    assert (trend.wide, trend.deep, list(trend.images)) == ("resnet20-4", "resnet110", list(TRAIN_IMAGES))
    assert trend.slope.mean == pytest.approx(-0.5, abs=0.01)
    assert trend.p_value < 0.001


def test_slope_is_tested_by_the_t_test_over_seeds():
    found = by_size(lambda _: 0.0, seeds=5)
    leads = np.array([[one.evidence.of("resnet20-4")[seed].accuracy_percent
                       - one.evidence.of("resnet110")[seed].accuracy_percent for seed in range(5)]
                      for one in found.values()])  # fmt: skip
    slopes = [stats.linregress(np.log2(TRAIN_IMAGES), leads[:, seed]).slope for seed in range(5)]
    trend = size_trend(found)
    assert trend.slope.mean == pytest.approx(np.mean(slopes))
    assert trend.p_value == pytest.approx(stats.ttest_1samp(slopes, 0).pvalue)


def test_only_seeds_with_every_size_count():
    found = by_size(lambda _: 0.0, seeds=4)
    found[TRAIN_IMAGES[0]] = by_size(lambda _: 0.0, seeds=2)[TRAIN_IMAGES[0]]
    assert size_trend(found).slope.n == 2


def test_one_seed_has_a_slope_without_a_test():
    trend = size_trend(by_size(lambda size: np.log2(size), seeds=1, spread=0.0))
    assert (trend.slope.n, trend.slope.low, trend.p_value) == (1, None, None)
    assert trend.slope.mean == pytest.approx(1.0)


def test_sizes_at_which_a_model_is_not_trained_out_are_left_out():
    rising = LearningCurve(tuple(np.linspace(10, 90, 100)), 0.1)
    flat = LearningCurve((90.0,) * 100, 0.1)
    found = by_size(lambda _: 0.0) | {
        5_000: by_size(lambda _: 0.0, curve=lambda model, _: rising if model == "resnet110" else flat)[5_000]
    }
    assert list(size_trend(found).at_share) == [10_000, 20_000, 50_000]
    assert size_trend({size: found[size] for size in (5_000, 50_000)}) is None


def test_shares_of_the_same_number_of_images_are_both_in_the_trend():
    found = by_size(lambda _: 0.0, spread=0.1)
    again = by_size(lambda _: 0.0, spread=0.1)[5_000]
    trend = size_trend({0.1: found[5_000], 0.1001: again, 1.0: found[50_000]})
    assert trend.images == {0.1: 5_000, 0.1001: 5_000, 1.0: 50_000}
    assert size_trend({0.1: found[5_000], 0.1001: again}) is None


def test_trend_of_looks_is_tested_at_the_least_level_of_its_studies():
    found = by_size(lambda _: 0.0)
    found[5_000] = Comparisons(found[5_000].evidence, 0.0221)
    trend = size_trend(found)
    assert (trend.alpha, trend.slope.confidence) == (0.0221, 1 - 0.0221)


def test_size_with_an_older_version_of_a_network_is_left_out():
    results = [
        replace(one, train_images=images)
        for images, network in ((5_000, "a"), (10_000, "b"), (20_000, "b"))
        for one in own_results(network, images / 50_000)
    ]
    studies = {one.train_images: Comparisons(one) for one in grouped(*results)}
    assert list(studies[5_000].evidence.models) == ["resnet20", "resnet110", "resnet20-4"]
    assert list(size_trend(studies).at_share) == [10_000, 20_000]


def own_results(network, share):
    """Return results of two seeds of networks of one's own; the wide one's code is that of ``network``."""
    for model, accuracy in {"resnet20": 85.0, "resnet110": 90.0, "resnet20-4": 91.0}.items():
        for seed in (0, 1):
            changes = {"network": network if model == "resnet20-4" else "same", "train_fraction": share}
            finished = f"2026-11-{'23' if network == 'a' else '24'}T12:00:00.000+00:00"
            percent = accuracy + 0.1 * seed + share
            yield synthetic_result(model=model, seed=seed, accuracy_percent=percent, case_changes=changes,
                                   finished_at=finished)  # fmt: skip


def test_one_size_has_no_trend():
    assert size_trend(by_size(lambda _: 1.0, sizes=(5_000,))) is None


def test_trend_as_text_has_both_ends_and_the_slope():
    text = trend_text(size_trend(by_size(lambda size: 1 - 0.5 * np.log2(size / 5_000), spread=0.001)))
    assert text.startswith("resnet20-4 minus resnet110: +1.0")
    assert " at 5,000 images and −0.6" in text
    assert " at 50,000 images; by doubling of the images −0.50 pp [" in text
    assert text.endswith("p < .001")


@pytest.mark.parametrize("seeds", slow_first(3, 2, 5))
def test_trend_is_found_in_five_percent_of_studies_without_one(seeds):
    assert 30 < count_trends(seeds, 0, 1000)["found"] < 70


def test_trend_is_rarely_found_without_one():
    assert count_trends(3, 0, 60)["found"] < 9
