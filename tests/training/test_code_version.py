import shutil

import pytest

from harness.training import code_version


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("data/augment.py", True),
        ("training/checkpoint.py", True),
        ("hardware/device.py", True),
        ("results/marginal_gain.py", True),
        ("results/metrics.py", True),
        ("config/families.py", True),
        ("models/resnet.py", True),
        ("config/recipes.py", True),
        ("training/history.py", True),
        ("training/job.py", True),
        ("training/process_group.py", True),
        ("training/result_builder.py", True),
        ("training/resume.py", True),
        ("training/run.py", True),
        ("training/train.py", True),
        ("data/split.py", True),
        ("training/trainers/fast.py", True),
        ("training/trainers/reference.py", True),
        ("training/trainers/trainer.py", True),
        ("plugin/hooks.py", False),
        ("report/tables/table.py", False),
    ],
)
def test_version_changes_only_with_code_that_decides_the_outcome(name, counts, tmp_path, monkeypatch):
    copy = tmp_path / "harness"
    shutil.copytree(code_version._SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code_version, "_SOURCE", copy)
    before = code_version.training_code_version.__wrapped__()
    assert before == code_version.training_code_version()
    assert (copy / name).is_file()
    with open(copy / name, "a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert (code_version.training_code_version.__wrapped__() != before) == counts


def test_pattern_that_matches_no_file_is_an_error(monkeypatch):
    monkeypatch.setattr(code_version, "_TRAINING_CODE", ("training/train.py", "pipelines/*.py"))
    with pytest.raises(FileNotFoundError, match=r"matches 'pipelines/\*\.py'"):
        code_version.training_code_version.__wrapped__()
