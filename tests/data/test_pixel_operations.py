import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.config.recipe import Augmentation
from harness.data.pixel_operations import cpu_resize_matrix, normalise, resize_matrices


@given(source=st.integers(1, 400), target=st.sampled_from([1, 8, 28, 64, 225]), beyond=st.integers(0, 3))
@example(source=295, target=225, beyond=0)  # a pixel at the very end of its reach, which float32 rounds away
@settings(deadline=None, max_examples=100)
def test_resize_matrices_match_torch_and_are_zero_beyond_the_image(source, target, beyond):
    identity = torch.eye(source)[None, None]
    size = (target, source)
    expected = torch.nn.functional.interpolate(identity, size, mode="bilinear", antialias=True, align_corners=False)

    found, mirrored = resize_matrices(
        torch.tensor([source, source]), source + beyond, target, mirrored=torch.tensor([False, True])
    )

    assert (found[:, :source] - expected[0, 0]).abs().max().item() <= 2.5e-7
    assert torch.equal(found[:, source:], torch.zeros(target, beyond))
    assert torch.equal(mirrored, found.flip(0))


def test_channels_are_normalised_along_the_given_axis():
    images = torch.full((2, 3, 4, 5), 51, dtype=torch.uint8)
    augmentation = Augmentation(mean=(0.2, 0.0, 0.1), std=(1.0, 0.5, 0.1))
    found = normalise(images, augmentation)
    assert found[0, :, 0, 0].tolist() == pytest.approx([0.0, 0.4, 1.0], abs=1e-6)
    assert torch.equal(normalise(images.transpose(1, 2), augmentation, axis=2), found.transpose(1, 2))


def test_a_cpu_resize_matrix_is_computed_once():
    one = cpu_resize_matrix(20, 8, False)
    assert cpu_resize_matrix(20, 8, False) is one
    assert torch.equal(cpu_resize_matrix(20, 8, True), one.flip(0))
    assert torch.equal(one, resize_matrices(torch.tensor([20]), 20, 8)[0])
