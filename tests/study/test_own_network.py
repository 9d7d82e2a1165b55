"""The user's own network of a result, found again."""

import sys
from dataclasses import replace

import pytest
import torch

import harness
from harness.config.families import named_model
from harness.errors import InputError
from harness.models.identity import identity_for
from harness.study.import_file import import_file
from harness.study.own_network import channels_and_classes, find_network
from tests.helpers.synthetic import synthetic_result
from tests.study.own_results import OwnResult, forget, store_trained


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return store_trained(tmp_path_factory.mktemp("stored"))


@pytest.fixture
def own(stored, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    forget()
    yield OwnResult(tmp_path, stored)
    forget()


def test_result_remembers_how_to_import_its_network(stored):
    network = harness.load_results(stored.parent)[0].network
    assert (network.family, network.depth, network.width) == ("mynet", 2, 1)
    assert (network.module, network.name) == ("nets_of_user", "build")
    assert network.file == str(stored.parent.parent / "nets_of_user.py")


def test_network_is_found_where_the_result_says(own):
    assert find_network(own.result).name == "mynet2"
    assert str(own.folder) in sys.path


@pytest.mark.parametrize("named", ["file", "module"])
def test_strangers_result_cannot_have_its_own_file_imported(own, tmp_path, monkeypatch, named):
    """The result may come with a file that it names."""
    (tmp_path / "planted.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    file = str(tmp_path / "planted.py") if named == "file" else ""
    result = replace(own.result, network=replace(own.result.network, file=file, module="planted"))
    with pytest.raises(InputError, match=r"planted.* builds its network, and would be imported; .*\nread the file"):
        find_network(result)
    assert not (tmp_path / "was_run").exists()


def test_file_given_by_the_user_needs_no_memory(own):
    result = replace(own.result, network=replace(own.result.network, module="elsewhere"))
    assert find_network(result, f"{own.file}:build").name == "mynet2"


def test_network_loads_with_its_weights(own):
    network = harness.load_network(own.case)
    assert network(torch.zeros(4, 1, 8, 8)).shape == (4, 10)


def test_part_of_a_larger_own_network_loads_with_its_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    case = store_trained(tmp_path, "PART")
    assert harness.load_network(case)(torch.zeros(4, 1, 8, 8)).shape == (4, 10)


@pytest.mark.parametrize("place", ["build", "NET"])
def test_moved_file_is_found_by_its_present_place(own, place):
    moved = own.file.rename(own.folder / "moved.py")
    with pytest.raises(InputError, match=r"nets_of_user\.py, which builds its network, is not there any more\nif it"):
        find_network(own.result)
    assert find_network(own.result, f"{moved}:{place}").depth == 2


def test_renamed_builder_is_found_by_its_family(own):
    own.change("build", "construct")
    assert find_network(own.result).name == "mynet2"


def test_renamed_builder_without_a_family_is_named(own):
    own.change("def build", "def construct")
    own.change("build(2, 1, channels", "construct(2, 1, channels")
    own.change('NET = harness.Family("mynet", build)', "build = None")
    own.change("classes: build(", "classes: construct(")
    with pytest.raises(InputError, match=r"nets_of_user\.py has no 'build' any more, which built its network\n"):
        find_network(own.result)


def test_changed_network_is_named_as_another(own):
    own.change("nn.ReLU()", "nn.GELU()")
    with pytest.raises(InputError, match=r"mynet2 seed 0: .*nets_of_user\.py builds another network now: its code"):
        find_network(own.result)


def test_file_that_cannot_be_imported_is_named(own):
    own.change("import pytest", "import pytest, not_there")
    with pytest.raises(InputError, match=r"cannot be imported: ModuleNotFoundError: No module named 'not_there'\nadd"):
        find_network(own.result)


def with_network_of(own, file_name, identity_of, **network):
    """The result as if another builder of the file had built its network."""
    module = import_file(own.file)
    result = own.result
    model = identity_of(module)
    identity = identity_for(model, *channels_and_classes(result))
    case = replace(result.case, model=model.name, network=identity)
    recorded = replace(result.network, name=file_name, family=model.family, **network)
    return replace(result, model=model.name, case=case, network=recorded)


def test_lambda_of_a_family_is_found_by_the_familys_name(own):
    result = with_network_of(own, "", lambda module: module.LOCAL(2))
    assert find_network(result).family == "local"


def test_lambda_of_an_experiment_is_found_by_the_mark(own):
    def marked(module):
        (mark,) = module.test_marked.pytestmark
        return named_model("marked", mark.kwargs["models"]["marked"])

    result = with_network_of(own, "", marked, depth=None, width=None)
    assert find_network(result).name == "marked"


def test_named_network_is_found_by_its_function(own):
    result = with_network_of(own, "named", lambda module: named_model("x", module.named), depth=None, width=None)
    assert find_network(result).name == "x"


def test_local_function_that_cannot_be_imported_is_named(own):
    own.record(name="", family="unknown")
    with pytest.raises(InputError, match="a lambda or a function inside another built its network, and .* has no fam"):
        find_network(own.result)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nets_of_user.py", "give FILE:NAME, e.g. test_flowers.py:build"),
        ("gone.py:build", r"gone\.py does not exist"),
        ("nets_of_user.py:gone", r"has no family, model or function 'gone'"),
    ],
)
def test_wrong_place_is_named(own, monkeypatch, place, message):
    monkeypatch.chdir(own.folder)
    with pytest.raises(InputError, match=f"--network {place}: .*{message}"):
        find_network(own.result, place)


def test_place_for_a_network_of_the_harness_is_refused():
    with pytest.raises(InputError, match="--network x.py:f: cifar10 resnet20 seed 0 was not trained with a network of"):
        find_network(synthetic_result(), "x.py:f")


def test_module_that_moved_is_imported_by_its_name(own, tmp_path):
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    own.file.rename(moved / own.file.name)
    sys.path.insert(0, str(moved))
    assert find_network(own.result).name == "mynet2"
