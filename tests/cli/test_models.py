import pytest

from harness.__main__ import main
from harness.paper.published import STUDY_MODELS, exact_parameters
from tests.cli.checked_output import checked_output


def test_models_shows_the_papers_eleven_parameter_counts(capsys):
    assert main(["models"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for dataset in ("cifar10", "gtsrb"):
        for model in STUDY_MODELS[dataset]:
            (row,) = (row for row in rows if row[:2] == [model, dataset])
            depth, _, width = model.removeprefix("resnet").partition("-")
            assert row[-4:-1] == [depth, width or "1", f"{exact_parameters(dataset, model):,}"]


def test_models_prints_json(capsys):
    assert main(["models", "resnet20", "--json", "--input", "3x32x32"]) == 0
    (row,) = checked_output("models", capsys.readouterr().out)["models"]
    assert (row["params"], row["dataset"], row["input_shape"]) == (269_722, None, [3, 32, 32])


def test_one_class_is_not_called_classes(capsys):
    assert main(["models", "resnet8", "--classes", "1"]) == 0
    assert "3×32×32, 1 class " in capsys.readouterr().out


def test_a_huge_input_is_counted_without_memory_for_it(capsys):
    assert main(["models", "resnet20", "--json", "--input", "3x100000x100000"]) == 0
    (row,) = checked_output("models", capsys.readouterr().out)["models"]
    assert row["macs"] // 10**6 == 396_000_000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--input", "3x999999999x999999999"], "resnet20 at --input 3x999999999x999999999 and 10 classes is too large"),
        (["--input", f"3x32x{'9' * 5000}"], "give channels, height and width"),
        (["--classes", "9" * 5000], "give a whole number"),
    ],
)
def test_an_absurd_size_is_an_error_in_one_line(arguments, says, capsys):
    assert main(["models", "resnet20", *arguments]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1


def test_models_shows_any_model_at_any_input(capsys):
    assert main(["models", "resnet32-3", "--input", "1x28x28", "--classes", "7"]) == 0
    assert capsys.readouterr().out.splitlines()[3].split()[:2] == ["resnet32-3", "1×28×28,"]
