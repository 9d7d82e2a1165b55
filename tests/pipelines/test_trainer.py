import pytest
import torch

from harness.pipelines import make_trainer
from tests.conftest import CPU, make_case


@pytest.mark.parametrize(
    ("part", "name", "tensor", "says"),
    [
        ("network", "conv9.weight", torch.ones(1), "not those of resnet8"),
        ("network", "fc.bias", None, "not those of resnet8"),
        ("network", "fc.bias", torch.ones(4), "not of the shapes of resnet8's"),
        ("momentum", "conv9.weight", torch.ones(1), "not those of resnet8"),
        ("momentum", "fc.bias", torch.ones(4), "not of the shapes of resnet8's"),
    ],
)
def test_tensors_of_another_model_are_refused_and_nothing_is_changed(part, name, tensor, says, tiny_dataset):
    trainer = make_trainer(make_case(tiny_dataset), 1, 3, CPU)
    before = trainer.weights()
    given = {"network": {name: value + 1 for name, value in before.items()}, "momentum": {"fc.bias": torch.ones(3)}}
    if tensor is None:
        del given[part][name]
    else:
        given[part][name] = tensor
    with pytest.raises(ValueError, match=says):
        trainer.restore(**given)
    assert all(torch.equal(value, before[name]) for name, value in trainer.weights().items())
    assert not any(buffer.any() for buffer in trainer.momentum().values())
