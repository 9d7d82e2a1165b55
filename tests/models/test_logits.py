from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import pytest
import torch

from harness.models.logits import described, select_logits

LOGITS, OTHER = torch.ones(2, 3), torch.zeros(2, 5)
Outputs = namedtuple("Outputs", ["logits", "aux"])


@pytest.mark.parametrize(
    ("output", "note"),
    [
        (LOGITS, None),
        ((LOGITS, OTHER), "it returns a tuple of 2; the first are the logits"),
        ([LOGITS], "it returns a list of 1; the first are the logits"),
        ({"aux": OTHER, "logits": LOGITS}, "it returns a dict; its 'logits' are the logits"),
        (OrderedDict(out=LOGITS, aux=OTHER), "it returns a dict; its 'out' are the logits"),
        (SimpleNamespace(logits=LOGITS), "it returns a SimpleNamespace; its .logits are the logits"),
        (Outputs(LOGITS, OTHER), "it returns a Outputs; its .logits are the logits"),
    ],
)
def test_logits_are_found_in_an_output(output, note):
    assert select_logits(None, None, output) is LOGITS
    assert described(output) == note


def test_maps_of_one_pixel_are_flattened():
    assert select_logits(None, None, LOGITS[:, :, None, None]).equal(LOGITS)


@pytest.mark.parametrize("output", [None, {}, (), {"scores": LOGITS}])
def test_an_output_without_logits_is_kept(output):
    assert select_logits(None, None, output) is output
    assert described(output) is None
