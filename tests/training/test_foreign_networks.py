"""Networks with frozen, unused and tied parameters, odd outputs and odd code train exactly, and resume so."""

import numpy as np
import pytest
import torch
from torch import nn

from harness.hardware.stopwatch import Stopwatch
from harness.results.folder import ResultsFolder
from harness.training.train import train
from harness.training.trainers.data_parallel import DataParallelTrainer
from harness.training.trainers.fast import FastTrainer
from tests.helpers.networks import Plain, model_with, own_case
from tests.helpers.rank_threads import in_threads
from tests.helpers.tiny import CPU, TINY_SPEC
from tests.helpers.training import interrupt, outcome, weights_of


class Odd(Plain):
    """A network with a frozen layer, an unused one, tied weights, and an input changed in place."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.frozen, self.unused, self.tied = nn.Linear(4, 4), nn.Linear(3, 3), nn.Linear(4, num_classes)
        self.frozen.requires_grad_(False)
        self.tied.weight = self.fc.weight
        self.register_buffer("scale", torch.full((1,), 0.5, dtype=torch.float64), persistent=False)

    def forward(self, x):
        x.sub_(0.1).relu_()
        x = self.frozen(torch.relu(self.conv(x)).mean(dim=(2, 3)) * self.scale.float())
        return self.fc(x) + self.tied(x)


class Viewing(Plain):
    """A network that needs the contiguous memory format, and returns its logits in a dict."""

    def __init__(self, in_channels, num_classes):
        super().__init__(in_channels, num_classes)
        self.wide = nn.Linear(4 * 8 * 8, num_classes)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return {"logits": self.wide(x.view(len(x), -1)), "features": x}


def maps(in_channels, num_classes):
    return nn.Sequential(nn.Conv2d(in_channels, num_classes, 8), nn.Identity())


@pytest.mark.parametrize("build", [Odd, Viewing, maps])
def test_an_odd_network_resumes_bit_identically(build, tiny_dataset, results, undisturbed):
    case = own_case(tiny_dataset, build)
    interrupt(case, tiny_dataset, results, 2)
    train(case, tiny_dataset, results, CPU)
    assert outcome(case, results) == undisturbed(case, tiny_dataset)


@pytest.mark.parametrize("pipeline", ["fast", "reference"])
def test_parameters_without_a_gradient_are_kept_and_tied_ones_stay_equal(pipeline, tiny_dataset, results):
    case = own_case(tiny_dataset, Odd, pipeline=pipeline)
    before = FastTrainer(case, TINY_SPEC, CPU).weights()
    result = train(case, tiny_dataset, results, CPU)
    after = weights_of(case, results)
    assert torch.equal(after["fc.weight"], after["tied.weight"])
    for name in before:
        assert torch.equal(before[name], after[name]) == name.startswith(("frozen", "unused")), name
    assert result.params == 4 * 9 + 4 + 4 * 3 + 3 + 3 * 3 + 3 + 3  # conv, fc, unused, the tied layer's bias


class Watching(Plain):
    """A network that keeps whether its outputs have a graph of gradients, and whether they are inference tensors."""

    def forward(self, x):
        logits = super().forward(x)
        self.kinds = {"graph": logits.requires_grad, "inference": logits.is_inference()}
        return logits


def test_evaluation_of_a_foreign_network_keeps_no_graph(tiny_dataset):
    trainer = FastTrainer(own_case(tiny_dataset, Watching), TINY_SPEC, CPU)
    trainer.evaluate(tiny_dataset.test)
    assert trainer.network.kinds == {"graph": False, "inference": False}


def test_logits_are_selected_alike_in_both_pipelines(tiny_dataset, tmp_path):
    accuracies = []
    for pipeline in ("fast", "reference"):
        case = own_case(tiny_dataset, Viewing, pipeline=pipeline)
        result = train(case, tiny_dataset, ResultsFolder(tmp_path / pipeline), CPU)
        assert result.notes[1] == "it returns a dict; its 'logits' are the logits"
        accuracies.append(result.accuracy_percent)
    assert accuracies[0] == pytest.approx(accuracies[1], abs=50)


def test_odd_networks_train_alike_over_ranks(tiny_dataset):
    case = own_case(tiny_dataset, Odd)
    single = FastTrainer(case, TINY_SPEC, CPU)
    expected = [single.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU)) for epoch in range(2)]

    def part(processes):
        trainer = DataParallelTrainer(case, TINY_SPEC, CPU, processes)
        figures = [trainer.train_epoch(tiny_dataset.train, epoch, Stopwatch(CPU)) for epoch in range(2)]
        return figures, trainer.weights(), trainer.rank

    for rank, (figures, weights, known) in enumerate(in_threads(2, part)):
        assert known == rank
        assert np.allclose(figures, expected, rtol=1e-4)
        for name, value in single.weights().items():
            torch.testing.assert_close(weights[name], value, rtol=1e-4, atol=1e-5)


def test_a_trial_is_made_once_per_network_and_image_shape(tiny_dataset, monkeypatch):
    built = []
    model = model_with(lambda self, x: self.fc(x.mean(dim=(2, 3))))
    case = own_case(tiny_dataset, model)
    FastTrainer(case, TINY_SPEC, CPU)
    monkeypatch.setattr("harness.models.trial.build_network", lambda *_, **__: built.append(1))
    FastTrainer(case, TINY_SPEC, CPU)
    assert built == []
