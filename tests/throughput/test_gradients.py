from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

from harness.data.augment import prepare
from harness.throughput.gradient_norms import GradientNorms, first_over_last
from harness.throughput.gradients import measure_gradients
from harness.training.trainers.trainer import initial_network
from tests.helpers.networks import own_case
from tests.helpers.tiny import CPU, TINY_RECIPE, make_case


@pytest.fixture(scope="module")
def case(tiny_dataset):
    return make_case(tiny_dataset, recipe=replace(TINY_RECIPE, batch_size=8))


@pytest.fixture(scope="module")
def norms(case, tiny_dataset):
    return measure_gradients(case, tiny_dataset, CPU)


def test_every_layer_has_a_norm_from_the_input_to_the_output(norms):
    assert norms.layers == ("conv1", *(f"layer{k}.0.conv{n}" for k in (1, 2, 3) for n in (1, 2)), "fc")
    assert len(norms.at_start) == len(norms.after_epoch) == 8
    assert min(norms.at_start) > 0


class Backwards(nn.Module):
    """Layers defined in another order than images pass them; one is frozen, one is never used."""

    def __init__(self, in_channels, num_classes):
        super().__init__()
        self.fc, self.unused = nn.Linear(4, num_classes), nn.Linear(4, 4)
        self.frozen = nn.Conv2d(4, 4, 1).requires_grad_(False)
        self.first = nn.Conv2d(in_channels, 4, 3)

    def forward(self, x):
        return self.fc(self.frozen(self.first(x)).mean((2, 3)))


def test_layers_are_in_the_order_that_images_pass_them(tiny_dataset):
    assert measure_gradients(own_case(tiny_dataset, Backwards), tiny_dataset, CPU).layers == ("first", "fc")


def test_a_norm_is_the_mean_over_batches_of_the_gradients_norm(norms, case, tiny_dataset):
    network = initial_network(case, tiny_dataset.spec).train()
    found = []
    for start in range(0, len(tiny_dataset.train), 8):
        batch = tiny_dataset.train.select(torch.arange(start, min(start + 8, len(tiny_dataset.train))))
        network.zero_grad()
        inputs = prepare(batch.pixels, case.recipe.augmentation, case.recipe.image_size)
        functional.cross_entropy(network(inputs), batch.labels).backward()
        found.append([m.weight.grad.norm().item() for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)])
    assert norms.at_start == pytest.approx(torch.tensor(found).mean(0).tolist(), rel=1e-4)


def test_an_epoch_of_training_changes_the_norms(norms):
    assert all(before != after for before, after in zip(norms.at_start, norms.after_epoch, strict=True))


def test_norms_need_one_value_for_every_layer():
    with pytest.raises(ValueError, match="each with a norm before and after"):
        GradientNorms("resnet8", "digits", 8, 4, 0.1, ("conv1", "fc"), (1.0, 1.0), (1.0,))


@pytest.mark.parametrize("norm", [float("nan"), float("inf"), -1.0])
def test_a_norm_is_a_number_of_0_or_more(norm):
    with pytest.raises(ValueError, match="of resnet8 is not a number"):
        GradientNorms("resnet8", "digits", 8, 4, 0.1, ("conv1", "fc"), (1.0, norm), (1.0, 1.0))


def test_the_first_layer_is_compared_with_the_last_convolution():
    assert first_over_last((6.0, 5.0, 2.0, 100.0)) == 3.0
    assert first_over_last((6.0, 0.0, 100.0)) == float("inf")
