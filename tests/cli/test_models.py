import pytest

from harness.__main__ import main
from harness.config.built_in import grammar
from harness.paper.published import STUDY_MODELS, exact_parameters
from tests.cli.checked_output import checked_output


@pytest.mark.slow
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


def row_of(name, capsys, *arguments):
    assert main(["models", name, "--json", *arguments]) == 0
    (row,) = checked_output("models", capsys.readouterr().out)["models"]
    return row


@pytest.mark.parametrize(
    ("name", "depth", "width", "params"),
    [
        ("resnet20-0.5", 20, 0.5, 68_050),
        ("plain20", 20, 1, 269_722),
        ("preresnet110", 110, 1, 1_727_962),
        ("wrn16-8", 16, 8, 10_961_370),
        ("wrn16-8-dropout0.3", 16, 8, 10_961_370),
        ("torchvision:resnet18", 18, 1, 11_181_642),
        ("torchvision:shufflenet_v2_x0_5", None, 0.5, 352_042),
        ("torchvision:squeezenet1_1", None, None, 727_626),
    ],
)
def test_models_knows_every_kind_of_name(name, depth, width, params, capsys):
    row = row_of(name, capsys)
    assert (row["model"], row["depth"], row["width"], row["params"]) == (name, depth, width, params)


def test_models_leaves_depth_and_width_blank_where_the_name_tells_none(capsys):
    assert main(["models", "wrn16-8", "torchvision:squeezenet1_1", "--input", "3x32x32"]) == 0
    wide, squeezed = capsys.readouterr().out.splitlines()[3:5]
    assert wide.split()[-4:-2] == ["16", "8"]
    assert squeezed.split()[1:-2] == ["3×32×32,", "10", "classes"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "torchvision:resnet19",
            "unknown model 'torchvision:resnet19': torchvision has no such classification network",
        ),
        ("torchvision:vit_b_16", "torchvision:vit_b_16 cannot take --input 3x32x32: Wrong image height! Expected 224"),
        ("resnet18", "nearest 14 and 20; or torchvision:resnet18"),
    ],
)
def test_models_refuses_a_network_in_one_line(name, says, capsys):
    assert main(["models", name]) == 2
    captured = capsys.readouterr()
    assert says in captured.err
    assert len(captured.err.splitlines()) == 1


def test_the_help_of_models_teaches_every_form_of_name_in_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["models", "--help"])
    lines = capsys.readouterr().out.splitlines()
    for form, _ in grammar():
        assert f"  {form}" in lines
    assert max(map(len, lines)) <= 80
