import subprocess
import sys

import pytest

from harness.config.datasets import SPECS, check_dataset_name, find_spec
from harness.config.extensions import extension_names, find_extension
from harness.config.recipes import default_recipe
from harness.errors import InputError
from tests.helpers.extension import DATASET, forget_extensions, install_dataset

ORIGIN = "entry point 'shades = shades_dataset' of shades 1.2"


@pytest.fixture(autouse=True)
def no_extension_of_another_test():
    yield
    forget_extensions()
    sys.modules.pop("shades_dataset", None)


def refusal(call, *given):
    with pytest.raises(InputError) as caught:
        call(*given)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_another_package_adds_a_dataset(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    assert check_dataset_name("shades") == "shades"
    assert find_spec("shades").class_names == ("dark", "grey", "light")
    assert default_recipe("shades").epochs == 2


def test_an_unknown_name_lists_added_datasets_without_loading_them(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, content="raise SystemError")
    assert extension_names() == ["shades"]
    known = ", ".join([*SPECS, "shades"])
    assert refusal(check_dataset_name, "mnist") == (
        f"unknown dataset 'mnist': the datasets are {known}, folder:PATH, npz:PATH, csv:PATH, torchvision:NAME and "
        "hf:NAME"
    )
    assert find_spec("mnist") is None
    assert "shades_dataset" not in sys.modules


def test_a_published_name_loads_no_other_package(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, content="raise SystemError", name="cifar10")
    assert find_spec("cifar10") is SPECS["cifar10"]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("print(", "SyntaxError"),
    ],
)
def test_a_broken_entry_point_is_named_with_its_distribution(content, cause, tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, content=content)
    message = refusal(check_dataset_name, "shades")
    assert message.startswith(f"{ORIGIN} cannot be loaded ({cause}")


def test_a_module_that_is_absent_is_named_with_its_distribution(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    (tmp_path / "shades_dataset.py").unlink()
    assert refusal(check_dataset_name, "shades").startswith(f"{ORIGIN} cannot be loaded (ModuleNotFoundError")


@pytest.mark.parametrize(
    ("change", "call", "says"),
    [
        (("SPEC", "OTHER"), (check_dataset_name, "shades"), "SPEC is None; it must be a DatasetSpec"),
        (('Spec("shades"', 'Spec("tints"'), (check_dataset_name, "shades"), "SPEC has the name 'tints'; it must be"),
        (("RECIPE = R", "RECIPE = str, R"), (default_recipe, "shades"), "it must be a Recipe"),
    ],
)
def test_a_wrong_attribute_is_named_with_its_origin(change, call, says, tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, content=DATASET.replace(*change))
    message = refusal(*call)
    assert message.startswith(f"{ORIGIN}: ")
    assert says in message


def test_a_dataset_without_a_recipe_asks_for_one(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, content=DATASET.replace("RECIPE", "_UNUSED"))
    assert "dataset 'shades' has no recipe of its own: give one" in refusal(default_recipe, "shades")


def test_two_packages_that_add_one_name_are_both_named(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    install_dataset(tmp_path, monkeypatch, package="tints")
    message = refusal(check_dataset_name, "shades")
    assert "of shades 1.2" in message
    assert "of tints 1.2" in message


def test_a_name_that_no_file_can_have_is_refused(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch, name="sha/des")
    assert "'sha/des' is not a dataset name; use letters" in refusal(check_dataset_name, "sha/des")


def test_an_extension_is_loaded_once(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    assert find_extension("shades") is find_extension("shades")


def test_looking_up_an_added_dataset_imports_no_torch(tmp_path, monkeypatch):
    install_dataset(tmp_path, monkeypatch)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from harness.config.datasets import check_dataset_name\n"
        "check_dataset_name('shades'); assert 'shades_dataset' in sys.modules; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
