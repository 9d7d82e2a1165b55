import pytest
import torch
from safetensors.torch import save
from torch import nn

from harness.config.families import Family, parse_model
from harness.errors import DamagedError, InputError
from harness.models.build import build_network
from harness.models.stored_weights import building_no_more_than, first_difference, map_weights
from tests.helpers.forged_weights import DAMAGED, OTHER_TENSORS, SPECIAL, encoded


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.safetensors"


def resnet8(device="cpu"):
    return build_network(parse_model("resnet8"), 1, 3, seed=0, device=device)


def test_weights_are_mapped_as_they_were_saved(path):
    state = resnet8().state_dict()
    path.write_bytes(save(state))
    found = map_weights(path)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)
    assert first_difference(found, resnet8("meta")) is None


@pytest.mark.parametrize("kind", DAMAGED)
def test_file_without_weights_is_one_error_with_its_name(kind, path):
    path.write_bytes(DAMAGED[kind])
    with pytest.raises(DamagedError) as error:
        map_weights(path)
    assert str(error.value).startswith(f"{path} does not hold weights: ")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("kind", SPECIAL)
def test_special_file_as_weights_is_refused_at_once(kind, path):
    SPECIAL[kind](path)
    with pytest.raises(InputError, match=rf"{path} (is missing|cannot be read: |does not hold weights: )"):
        map_weights(path)


def test_header_beyond_its_limit_is_not_read(path):
    path.write_bytes((2**23 + 1).to_bytes(8, "little"))
    with open(path, "r+b") as file:
        file.truncate(2**33)
    with pytest.raises(DamagedError, match="its header has 8,388,609 bytes, and such a file has at most 8,388,608"):
        map_weights(path)


@pytest.mark.parametrize("kind", OTHER_TENSORS)
def test_first_difference_from_the_network_is_named(kind, path):
    network = resnet8()
    path.write_bytes(save(OTHER_TENSORS[kind](network.state_dict())))
    assert first_difference(map_weights(path), network) is not None


def test_difference_in_dtype_and_shape_is_in_words(path):
    header = {"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}
    path.write_bytes(encoded(header))
    network = nn.Module()
    network.a = nn.Parameter(torch.zeros(1, 2))
    assert first_difference(map_weights(path), network) == "a is float16 (2,), not float32 (1, 2)"


@pytest.mark.parametrize("name", ["resnet999998", "resnet8-9999", "plain8-999", "wrn28-10", "torchvision:vit_h_14"])
def test_larger_network_than_its_weights_is_never_built(name, path):
    weights = resnet8().state_dict()
    for device in ("meta", "cpu"):
        with pytest.raises(DamagedError, match="weights of a smaller network"), building_no_more_than(weights, path):
            build_network(parse_model(name), 3, 10, seed=0, device=device)


def deep(depth, width, channels, classes):
    layers = nn.Sequential()
    for _ in range(depth):
        layers.append(nn.ReLU())
    return layers


def test_own_network_of_any_depth_without_weights_is_not_built(path):
    model = Family("deep", deep)(10**9)
    with pytest.raises(DamagedError, match="weights of a smaller"), building_no_more_than(resnet8().state_dict(), path):
        build_network(model, 1, 3, seed=0)


def test_networks_after_the_check_are_built_whatever_their_size(path):
    with building_no_more_than(resnet8().state_dict(), path):
        assert resnet8("meta").fc.weight.shape == (3, 64)
    assert build_network(parse_model("wrn28-10"), 3, 10, seed=0, device="meta")
