"""Check over several seeds that both pipelines reach the same accuracy.

It runs only if the command line selects it (`pytest bench -k equivalence`) and takes about ten minutes on two cores; a
plain `pytest bench` skips it.
"""

import pytest

pytestmark = pytest.mark.measurement


def test_equivalence_on_small_images(workbench):
    equivalence = workbench.compare_accuracies("digits", "resnet8-2", seeds=range(10))
    assert equivalence.interval.contains(0)
    assert equivalence.interval.width < 1  # percentage points; a wide interval would contain 0 by its width alone


def test_equivalence_on_a_slice(workbench):
    from harness.data.registry import how_to_get, locate  # imported here to keep collection fast

    data_dir = workbench.settings.data_dir
    if locate("fashionmnist", data_dir) is None:
        pytest.skip(f"fashionmnist is not in {data_dir}: {how_to_get('fashionmnist', data_dir)}")
    equivalence = workbench.compare_accuracies("fashionmnist", "resnet20", seeds=range(5), epochs=6, images=6000)
    assert equivalence.interval.contains(0)
    assert equivalence.interval.width < 4
