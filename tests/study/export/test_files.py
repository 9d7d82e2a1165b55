import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnxruntime", reason="needs onnxruntime: python -m pip install -e '.[onnx]'")
import onnx
import onnxruntime

from harness.config.families import IMAGENET_BLOCKS
from harness.errors import InputError
from harness.study.export.check import check_export
from harness.study.export.files import export_network
from tests.helpers import REPOSITORY
from tests.helpers.synthetic import failed_result
from tests.study.stored import colour_recipe, noise_dataset, store_untrained

SIZES = ((20, 31), (40, 24), (32, 32), (9, 50))


@pytest.fixture(scope="module")
def tiny_export(tiny_result, tiny_folder, tmp_path_factory):
    """The export of the trained tiny case: CIFAR family, shortcut A, grey."""
    return export_network(tiny_result, tiny_folder, tmp_path_factory.mktemp("export"))


def logits_of(exported, images):
    return onnxruntime.InferenceSession(exported.paths[0]).run(["logits"], {"images": images})[0]


def test_a_trained_networks_export_gives_the_recorded_predictions(tiny_export, tiny_folder, tiny_dataset):
    check = check_export(tiny_export, tiny_folder, tiny_dataset)
    assert check.is_passed
    assert (check.images, check.test_images, check.equal, check.rounding) == (12, 12, 12, 0)
    assert check.greatest_logit_difference < 1e-5 * check.greatest_logit


@pytest.mark.parametrize("with_preprocessing", [False, True])
def test_cifar_family_with_shortcut_b_in_bf16_and_colour(results, tmp_path, with_preprocessing):
    dataset = noise_dataset([(8, 8)] * 24)
    changes = {"model": "resnet8-2", "shortcut": "B", "precision": "bf16", "recipe": colour_recipe(), "val_split": 0.2}
    result = store_untrained(results, dataset, **changes)
    check = check_export(
        export_network(result, results, tmp_path, with_preprocessing=with_preprocessing), results, dataset
    )
    assert check.is_passed
    assert check.equal + check.rounding == 24


@pytest.mark.parametrize(
    ("model", "with_preprocessing"), [pytest.param("resnet24", False, marks=pytest.mark.slow), ("resnet8", True)]
)
def test_images_of_any_size_are_resized_as_in_the_recipe(results, tmp_path, model, with_preprocessing, monkeypatch):
    monkeypatch.setitem(IMAGENET_BLOCKS, 24, (1, 1, 1, 1))
    dataset = noise_dataset(SIZES * 3)
    recipe = colour_recipe(image_size=32, augmentation={"rotate_first": True, "crop_scale": None})
    result = store_untrained(results, dataset, name="gtsrb", model=model, recipe=recipe)
    exported = export_network(result, results, tmp_path, with_preprocessing=with_preprocessing)
    check = check_export(exported, results, dataset)
    assert check.is_passed
    assert check.equal == 12
    shape = ["N", 3, "H", "W"] if with_preprocessing else ["N", 3, 32, 32]
    assert exported.description["input"]["shape"] == shape


@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_images_may_enter(tiny_export, count):
    assert logits_of(tiny_export, np.zeros((count, 1, 8, 8), np.float32)).shape == (count, 3)


def test_the_documents_example_classifies_a_file(tiny_export, tiny_dataset, tiny_folder, tmp_path, capsys):
    (example,) = re.findall(r"```python\n(import json.*?)```", (REPOSITORY / "docs/export.md").read_text(), re.DOTALL)
    Image.fromarray(tiny_dataset.test.pixels[4, 0].numpy()).save(tmp_path / "photo.png")
    for name, path in (("my-export", tiny_export.folder), ("photo.png", tmp_path / "photo.png")):
        example = example.replace(name, str(path))
    exec(example, {})
    predicted = tiny_folder.read_predictions(tiny_export.result)[1][4]
    assert capsys.readouterr().out == f"{'abc'[predicted]}\n"


def test_the_description_names_input_classes_and_origin(tiny_export, tiny_result):
    model, description = tiny_export.paths
    content = json.loads(description.read_text())
    assert content == tiny_export.description
    assert content["input"] == {"name": "images", "dtype": "float32", "shape": ["N", 1, 8, 8]}
    assert content["output"] == {"name": "logits", "dtype": "float32", "shape": ["N", 3]}
    assert content["class_names"] == ["a", "b", "c"]
    assert [step["step"] for step in content["steps"]] == ["decode", "resize", "scale", "normalise"]
    assert content["steps_inside_the_model"] == []
    for name in ("model", "dataset", "seed", "mode", "accuracy_percent", "macro_f1_percent"):
        assert content[name] == getattr(tiny_result, name)
    assert content["case"] == tiny_result.case.identity
    assert content["training_code"] == tiny_result.environment["training_code"]
    weights = tiny_result.files["weights.safetensors"]
    assert content["sha256"] == {
        "weights.safetensors": weights,
        "model.onnx": hashlib.sha256(model.read_bytes()).hexdigest(),
    }


def test_the_model_is_valid_and_names_no_file_of_this_machine(tiny_export):
    content = tiny_export.paths[0].read_bytes()
    onnx.checker.check_model(content, full_check=True)
    assert b".py" not in content


def test_an_export_is_the_same_each_time_and_leaves_the_result_as_it_is(
    tiny_export, tiny_result, tiny_folder, tmp_path, capfd
):
    folder = tiny_folder.folder(tiny_result.case)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = export_network(tiny_result, tiny_folder, tmp_path / "new" / "export")
    assert [path.read_bytes() for path in again.paths] == [path.read_bytes() for path in tiny_export.paths]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert sorted(path.name for path in again.folder.iterdir()) == ["model.onnx", "preprocessing.json"]
    assert capfd.readouterr() == ("", "")


def test_the_path_of_a_users_folder_stays_at_home(tiny_export, tiny_result):
    from harness.study.export.files import _output_and_origin

    own = replace(tiny_result, dataset="folder:/home/me/flowers")
    assert _output_and_origin(own, b"")["dataset"] == "folder-flowers"


def test_results_without_weights_are_refused(results, tmp_path):
    for status in ("diverged", "out_of_memory", "failed"):
        with pytest.raises(InputError, match=f"cifar10 resnet20 seed 0 has no weights: its status is {status}"):
            export_network(failed_result(status), results, tmp_path)


def test_weights_beyond_2_gb_are_refused(tiny_result, tiny_folder, tmp_path):
    large = replace(tiny_result, params=7 * 10**8)
    with pytest.raises(InputError, match="has 2.8 GB of weights, and an ONNX file holds 2 GB"):
        export_network(large, tiny_folder, tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(tiny_result, tiny_folder, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"--output .*file cannot be written to .*: give another folder"):
        export_network(tiny_result, tiny_folder, tmp_path / "file")
