"""Check shapes, parameters, MACs and gradients of every model of the study, in seconds."""

import pytest

from harness.config.datasets import SPECS
from harness.config.families import parse_model
from harness.config.recipes import PUBLISHED_RECIPES
from harness.paper.published import MMACS, STUDY_MODELS, exact_parameters

CASES = [(dataset, model) for dataset, models in STUDY_MODELS.items() for model in models]
# Ids have the input's shape, not the dataset's name, so that `-k digits` selects only the experiments.
IDS = [f"{model}-{SPECS[dataset].channels}x{PUBLISHED_RECIPES[dataset].image_size}" for dataset, model in CASES]


@pytest.mark.parametrize(("dataset", "name"), CASES, ids=IDS)
def test_shapes(dataset, name):
    import torch  # imported here to keep collection fast

    from harness.models.build import build_network
    from harness.models.cost import count_macs, count_macs_with_torch, count_parameters

    spec, size, model = SPECS[dataset], PUBLISHED_RECIPES[dataset].image_size, parse_model(name)
    shape = (spec.channels, size, size)
    network = build_network(model, spec.channels, spec.num_classes, seed=0)

    assert count_parameters(network) == exact_parameters(dataset, name)
    macs = count_macs(model, shape, spec.num_classes)
    assert macs == pytest.approx(count_macs_with_torch(model, shape, spec.num_classes), rel=0.005)
    if (dataset, name) in MMACS:
        assert macs / 1e6 == pytest.approx(MMACS[dataset, name], rel=0.005)

    logits = network(torch.randn(2, *shape))
    assert logits.shape == (2, spec.num_classes)
    logits.logsumexp(1).sum().backward()
    unreached = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert unreached == []
