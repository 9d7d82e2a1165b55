from harness.__main__ import main
from harness.paper.published import STUDY_MODELS, exact_parameters


def test_models_shows_the_papers_eleven_parameter_counts(capsys):
    assert main(["models"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    for dataset in ("cifar10", "gtsrb"):
        for model in STUDY_MODELS[dataset]:
            (row,) = (row for row in rows if row[:2] == [model, dataset])
            depth, _, width = model.removeprefix("resnet").partition("-")
            assert row[-4:-1] == [depth, width or "1", f"{exact_parameters(dataset, model):,}"]


def test_models_shows_any_model_at_any_input(capsys):
    assert main(["models", "resnet32-3", "--input", "1x28x28", "--classes", "7"]) == 0
    assert capsys.readouterr().out.splitlines()[3].split()[:2] == ["resnet32-3", "1×28×28,"]
