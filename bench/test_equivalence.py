"""Whether both pipelines come to the same accuracy, over seeds: what makes the fast one's speed worth anything.

Trained where a command line names it (`pytest bench -k equivalence`), some ten minutes on two cores; a plain
`pytest bench` leaves it out.
"""

import pytest

pytestmark = pytest.mark.measurement


def test_equivalence_on_small_images(workbench):
    equivalence = workbench.compare_outcomes("digits", "resnet20", seeds=range(10))
    assert equivalence.interval.contains(0)
    assert equivalence.interval.width < 1  # percentage point: an interval so wide that anything passes proves nothing


def test_equivalence_on_a_slice(workbench):
    from harness.data.registry import how_to_get, locate  # here, so that collecting stays quick

    data_dir = workbench.settings.data_dir
    if locate("fashionmnist", data_dir) is None:
        pytest.skip(f"fashionmnist is not in {data_dir}: {how_to_get('fashionmnist', data_dir)}")
    equivalence = workbench.compare_outcomes("fashionmnist", "resnet20", seeds=range(5), epochs=6, images=6000)
    assert equivalence.interval.contains(0)
    assert equivalence.interval.width < 4
