"""The hash of the training code: what changes it, and what describes another version of it."""

import ast
import shutil
from pathlib import Path

import pytest

from harness import source_code
from harness.errors import InputError
from harness.source_code import executed
from harness.training import code_version
from harness.training.code_version import code_hashes, other_code, training_code_version

# Files that training imports, and why a change to them cannot make a stored result wrong.
NOT_DECIDING = {
    "a case carries its values, so a change makes another case": {
        "config/case.py", "config/experiment.py", "config/recipes.py", "config/settings.py", "config/option_values.py",
        "config/limits.py", "config/option.py", "config/standard.py", "config/variant.py", "study/resolution.py",
        "config/option_checks.py", "config/options.py", "config/data_folder.py",
        "config/network_origin.py", "training/compile_gain.py",
    },
    "the images' hash is part of the case": {
        "config/datasets.py", "config/extensions.py", "config/library_datasets.py", "data/cache.py",
        "data/cache_file.py", "data/cache_key.py", "data/cache_places.py", "data/findings.py",
        "data/channel_sums.py", "data/decoding_progress.py",
        "data/download.py", "data/headers.py", "data/mapped_pages.py", "data/registry.py", "data/source.py",
        "data/verified_fingerprints.py", "data/verified_memory.py", "users_files.py", "data/image_formats.py",
        "data/formats/cifar10.py", "data/formats/class_folders.py",
        "data/formats/digits.py", "data/formats/fashionmnist.py", "data/formats/folder_listing.py",
        "data/formats/folder_names.py", "data/formats/folder_splits.py", "data/formats/image_files.py",
        "data/formats/labels.py", "data/formats/leftovers.py", "data/formats/split_names.py", "data/formats/gtsrb.py",
        "data/formats/gtsrb_labels.py", "data/formats/csv_rows.py", "data/formats/table.py",
        "data/formats/array_labels.py", "data/formats/array_pixels.py", "data/formats/arrays.py",
        "data/formats/stored_arrays.py",
        "data/formats/hugging_face.py", "data/formats/hugging_face_columns.py",
        "data/formats/torchvision_datasets.py", "extras.py",
    },
    "they read, write and report what others compute": {
        "causes.py", "credentials.py", "errors.py", "extras.py", "files.py", "foreign_files.py", "lost_output.py",
        "private_folder.py", "source_code.py", "text.py", "timestamps.py", "user_memory.py", "data/own_folders.py",
        "results/folder.py", "results/reading.py", "results/checked_files.py", "results/contradictions.py",
        "results/forms.py", "results/listing.py", "results/prediction_arrays.py", "results/ranges.py",
        "results/inference_time.py", "results/training_now.py", "results/logit_array.py",
        "results/case_folder.py", "results/disturbance.py", "results/result.py", "results/timing.py",
        "training/callback.py",
        "training/code_version.py", "training/command.py", "training/context.py", "training/environment.py",
        "training/shared_memory.py", "training/source_commit.py", "hardware/processor.py",
        "training/known_networks.py", "training/sweep_progress.py",
    },
    "they measure times after the training": {"results/inference_time.py", "training/inference_meter.py"},
    "they measure how disturbed times are": {
        "hardware/disturbance_meter.py", "hardware/gpu_state.py", "hardware/linux_counters.py", "hardware/stops.py",
    },
    "they place processes on cores and machines": {"hardware/co_scheduling.py", "hardware/cpu_affinity.py"},
    "processes that fail end the training": {
        "training/process_failure.py", "training/interrupt.py", "hardware/lost_device.py",
    },
}  # fmt: skip


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A copy of the package that `code_version` hashes."""
    copy = tmp_path / "harness"
    shutil.copytree(code_version._SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_version, "_SOURCE", copy)
    return copy


def hashes_now():
    return code_hashes.__wrapped__()


@pytest.mark.slow
def test_each_file_of_the_training_code_counts_and_comments_do_not(source):
    before = hashes_now()
    assert before == code_hashes()
    for name in before:
        with open(source / name, "a", encoding="utf-8") as file:
            file.write("\n# a comment\n")
    assert hashes_now() == before
    for name in before:
        with open(source / name, "a", encoding="utf-8") as file:
            file.write("ADDED = 1\n")
        after = hashes_now()
        assert {one for one, sha256 in after.items() if before[one] != sha256} == {name}
        before = after


def test_every_file_that_training_imports_counts_or_is_known_not_to(source):
    imported = imports_of(source, {"training/train.py", "study/machine.py", "training/trainers/reference.py"})
    known = set().union(*NOT_DECIDING.values())
    assert imported - {"study/machine.py"} - code_hashes().keys() - known == set()
    assert known & code_hashes().keys() == set()


def test_pattern_that_matches_no_file_is_an_error(monkeypatch):
    monkeypatch.setattr(code_version, "_TRAINING_CODE", ("training/train.py", "pipelines/*.py"))
    with pytest.raises(InputError, match=r"matches 'pipelines/\*\.py'"):
        hashes_now()


@pytest.mark.parametrize(
    ("changed", "executes_the_same"),
    [
        ('def f(x):\n    """Another docstring."""\n    return x + 1\n', True),
        ("def f(x):  # why\n    return (x +\n            1)\n", True),
        ("def f(x):\n    return x + 1.0\n", False),
        ("def f(x):\n    return x + True\n", False),
        ("def f(x):\n    return 1 + x\n", False),
        ("def f(x=None):\n    return x + 1\n", False),
        ("def f(x):\n    'a' + 'b'\n    return x + 1\n", False),
        ("async def f(x):\n    return x + 1\n", False),
        ("def f(x):\n    return x - 1\n", False),
        ("def f(x):\n    return None\n", False),
    ],
)
def test_only_what_executes_counts(changed, executes_the_same):
    assert (executed(changed.encode()) == executed(b"def f(x):\n    return x + 1\n")) == executes_the_same


def test_executed_text_is_the_same_for_all_versions_of_python():
    text = "Module(body=Expr(value=Call(func=Name(id='f'ctx=Load())args=Constant(value=1),)),)"
    assert executed(b"f(1)") == text
    assert "type_params" not in executed(b"def f(): pass\nclass A: pass\n")  # Python 3.12 added it


# Hashes by Python 3.11: Python 3.12.1 parses the formats otherwise, 3.13 prints characters that 3.11 escapes.
@pytest.mark.parametrize(
    ("source", "sha256"),
    [
        ("f'{x:{width}}'", "cf3934bcb285"),
        ("f'{x:>{width}.{digits}f} of {y:{width}}'", "ffe444050923"),
        ("f'{x:}'", "2afbace1cad8"),
        ("f'{x = :{width}}'", "5255695bc6b8"),
        ("f'' f'{x}' '' 'b' f'{{{y!r:{width}}}}'", "bb5ee6c50785"),
        ("f(f'', '')", "b9e2c2e099cd"),
        ("x = '2 \N{MULTIPLICATION SIGN} 3 \N{NOT EQUAL TO} 5'", "fbbb6e707583"),
        ("x = '\U0001fae8'", "41a517a422ff"),  # SHAKING FACE: Unicode 15, Python 3.12
        ("x = '\U0002ebf0'", "fb9e5fcfb307"),  # an ideograph: Unicode 15.1, Python 3.13
        ("with open(a) as b, open(c) as d:\n  match b:\n    case {'x': [y, *_]} if d: pass\n", "904bf5b2c592"),
        (
            "def f(a, /, b: 'int' = 1, *, c=-0.0) -> None:\n  try: return 1_000j\n  except* (E, F) as e: raise",
            "fa9b74c8737d",
        ),
    ],
)
def test_hash_of_python_3_11_is_computed_by_every_version(source, sha256):
    assert code_version._shortened(executed(source.encode())) == sha256


def test_other_syntax_trees_of_newer_pythons_give_the_same_text():
    tree = ast.parse("f'{x:{width}}'")
    tree.body[0].value.values[0].format_spec.values.append(ast.Constant(""))  # as Python 3.12.1 does
    assert "".join(source_code._canonical(tree)) == executed(b"f'{x:{width}}'")
    assert source_code._escaped("'× ≠ \U0001fae8'") == r"'× ≠ \U0001fae8'"


def test_other_code_names_the_commit_and_the_files():
    present = {"training_code": training_code_version(), "code": code_hashes(), "commit": "a" * 40}
    assert other_code([present, present]) is None
    other = present | {"training_code": "0" * 12, "code": code_hashes() | {"models/resnet.py": "0" * 12}}
    assert other_code([other, present]) == "commit aaaaaaaaaa, which differs in models/resnet.py"
    removed = other | {"code": {"old.py": "0" * 12}, "commit": None}
    text = other_code([removed])
    assert text is not None
    assert text.startswith("code without a commit, which differs in config/built_in.py, config/families.py, ")
    assert text.endswith(f" and {len(code_hashes()) + 1 - 3} more files")


def test_results_of_earlier_versions_are_of_other_code():
    assert (
        other_code([{"training_code": "abcdef012345", "commit": "b" * 40}]) == "commit bbbbbbbbbb, an earlier version"
    )
    assert other_code([{}]) == "code without a commit, an earlier version"


def imports_of(source: Path, names: set[str]) -> set[str]:
    """Return the files of the package that these files import, directly or not."""
    found: set[str] = set()
    left = set(names)
    while left:
        name = left.pop()
        found.add(name)
        for node in ast.walk(ast.parse((source / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness"):
                base = Path(*node.module.split(".")[1:])
                candidates = [base.with_suffix(".py")] if base.name else []
                candidates += [base / f"{alias.name}.py" for alias in node.names]
                left |= {one.as_posix() for one in candidates if (source / one).is_file()} - found
    return found
