import pytest
from scipy import stats

from harness.analysis.classes import class_changes, class_models
from harness.analysis.evidence import published_evidence
from harness.analysis.multiplicity import holm
from tests.analysis.synthetic_evidence import grouped
from tests.helpers.synthetic import synthetic_result

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def evidence_of(recalls):
    """Return a study from the first two classes' recall in percent, by model and seed; others have 90 %."""
    results = []
    for model, seeds in recalls.items():
        for seed, two in (seeds if isinstance(seeds, dict) else dict(enumerate(seeds))).items():
            values = [*two, *[90.0] * 8]
            per_class = tuple({"class_name": name, "recall_percent": value, "images": 1000}
                              for name, value in zip(NAMES, values, strict=True))  # fmt: skip
            results.append(synthetic_result(model=model, seed=seed, per_class=per_class))
    (evidence,) = grouped(*results)
    return evidence


THREE = {
    "resnet20": [(80.0, 70.0), (80.4, 71.0), (80.1, 70.2)],
    "resnet56": [(80.2, 70.9), (80.1, 70.5), (80.3, 70.3)],
    "resnet20-2": [(88.0, 70.2), (88.5, 70.4), (88.02, 70.8)],
}


def test_class_helped_by_width():
    first, *_ = changes = class_changes(evidence_of(THREE))
    assert [one.class_name for one in changes] == list(NAMES)
    assert (first.images, first.base_percent) == (1000, pytest.approx(80.1666667))
    assert first.wider.estimate == pytest.approx(8.0066667)
    assert first.wider.p_value == pytest.approx(stats.ttest_rel([88.0, 88.5, 88.02], [80.0, 80.4, 80.1]).pvalue)
    assert first.helped_by == "width"
    assert {one.helped_by for one in changes[1:]} == {"neither"}


def test_p_values_are_corrected_over_all_classes_and_both_models():
    changes = class_changes(evidence_of(THREE))
    raw = [one.p_value for change in changes for one in (change.deeper, change.wider)]
    corrected = [one for change in changes for one in (change.deeper_p_holm, change.wider_p_holm)]
    assert len(raw) == 20
    assert corrected == pytest.approx(holm(raw))
    assert changes[0].wider_p_holm == pytest.approx(20 * min(raw))


def test_significant_loss_is_not_help():
    exchanged = THREE | {"resnet20": THREE["resnet20-2"], "resnet20-2": THREE["resnet20"]}
    first = class_changes(evidence_of(exchanged))[0]
    assert first.wider_p_holm < 0.05
    assert first.helped_by == "neither"


def test_one_seed_helps_no_class():
    changes = class_changes(evidence_of({model: seeds[:1] for model, seeds in THREE.items()}))
    assert {one.wider_p_holm for one in changes} == {None}
    assert {one.helped_by for one in changes} == {"neither"}
    assert changes[0].wider.estimate == pytest.approx(8)


def test_only_common_seeds_are_compared():
    changes = class_changes(evidence_of(THREE | {"resnet56": {7: (80.0, 70.0)}, "resnet20-2": {1: (88.0, 70.0)}}))
    assert changes[0].deeper is None
    assert (changes[0].wider.n, changes[0].wider.estimate) == (1, pytest.approx(7.6))


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        (["resnet20"], None),
        (["resnet20", "resnet56"], ("resnet20", "resnet56", None)),
        (["resnet20", "resnet20-2"], ("resnet20", None, "resnet20-2")),
        (["resnet20", "resnet56", "resnet110", "resnet20-2", "resnet20-4", "resnet20-8"],
         ("resnet20", "resnet110", "resnet20-4")),
    ],
)  # fmt: skip
def test_models_at_the_largest_equal_scale_factor_are_compared(models, chosen):
    evidence = evidence_of({model: [(80.0, 70.0)] for model in models})
    assert class_models(evidence) == chosen
    assert len(class_changes(evidence)) == (10 if chosen else 0)


def test_published_figures_have_no_classes():
    assert class_changes(published_evidence("cifar10")) == []
