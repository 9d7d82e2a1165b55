from pathlib import Path

import pytest

from harness.config.ini_values import ini_texts
from harness.config.options import OPTIONS
from harness.config.settings import read_settings
from harness.errors import InputError

FOLDER = Path("/project")


def settings(**values):
    return read_settings({}, {}, ini_texts(values, OPTIONS, FOLDER))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("seeds", [0, 1], (0, 1)),
        ("seeds", ["0", "1"], (0, 1)),
        ("seeds", "0,1", (0, 1)),
        ("seeds", "0, 1", (0, 1)),
        ("seeds", "0 1", (0, 1)),
        ("seeds", "\n0\n1\n", (0, 1)),
        ("seeds", "0,\n1", (0, 1)),
        ("seeds", 4, (4,)),
        ("seeds", "0-2, 7", (0, 1, 2, 7)),
        ("seeds", ["0-2", 7], (0, 1, 2, 7)),
        ("seeds", "5 0-2", (5, 0, 1, 2)),
        ("tune_epochs", 0.5, 0.5),
        ("track", ["mlflow", "own.module:Tracker"], ("mlflow", "own.module:Tracker")),
        ("track", "mlflow own.module:Tracker", ("mlflow", "own.module:Tracker")),
        ("rerun", True, True),
        ("rerun", False, False),
        ("rerun", "True", True),
        ("rerun", "'yes'", True),
        ("accept-other-code", 1, True),
        ("val_split", 0.1, 0.1),
        ("val_split", "0.1", 0.1),
        ("val_split", 0, 0.0),
        ("margin", 1, 1.0),
        ("wod_margin", "0.25", 0.25),
        ("max_params", 0, (0.0, False)),
        ("max_epoch_time", "+10%", (0.1, True)),
        ("pipeline", '"reference"', "reference"),
        ("results_dir", "r", FOLDER / "r"),
        ("results_dir", ["r"], FOLDER / "r"),
        ("results-dir", "'my results'", FOLDER / "my results"),
        ("wod_report_dir", "../p", Path("/p")),
        ("report_dir", "/elsewhere", Path("/elsewhere")),
        ("report_dir", "~/elsewhere", Path("~/elsewhere").expanduser()),
    ],
)
def test_every_form_of_a_value_is_read(key, value, expected):
    got = getattr(settings(**{key: value}), key.removeprefix("wod_").replace("-", "_"))
    if isinstance(expected, Path):
        assert got.is_absolute()
        got = got.resolve()
    assert (got if not key.startswith("max") else (got.amount, got.is_relative)) == expected


def test_the_values_of_a_full_training_are_read_from_lists_and_numbers():
    got = settings(full_training=True, epochs=[30, 100], train_fraction=[0.1, 1], target=90)
    assert (got.epochs, got.train_fraction, got.target) == ((30, 100), (0.1, 1.0), 90.0)
    assert settings(full_training=True, epochs=30).epochs == (30,)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("seeds", [0, True], "ini key seeds '0,True': give whole numbers"),
        ("seeds", [0, 0.5], "ini key seeds '0,0.5': give whole numbers"),
        ("seeds", [[0]], r"ini key seeds '\[0\]': give whole numbers"),
        ("seeds", {"a": 1}, "ini key seeds .*: give whole numbers"),
        ("epochs", [1, 1], "ini key epochs '1,1': a number of epochs is given twice"),
        ("epochs", True, "ini key epochs 'True': give whole numbers"),
        ("epochs", 2.5, "ini key epochs '2.5': give whole numbers"),
        ("train_fraction", [0.5, 2], "ini key train_fraction '0.5,2': give shares of the training images"),
        ("full_training", "perhaps", "ini key full_training 'perhaps': give true or false"),
        ("wod_val_split", 1.5, "ini key wod_val_split '1.5': give a share"),
        ("budget", 7200, "ini key budget '7200': give a time above 0 with its unit"),
        ("results_dir", ["a", "b"], r"ini key results_dir \['a', 'b'\]: give one folder"),
        ("report-dir", "~no_such_user/r", "ini key report-dir '~no_such_user/r': .*give a folder"),
        ("data_dir", "none", "ini key data_dir /project/none does not exist: create it"),
    ],
)
def test_a_wrong_value_names_the_key_as_it_is_in_the_file(key, value, says):
    with pytest.raises(InputError, match=f"(?i){says}") as error:
        settings(**{key: value})
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("value", ["", [], [""], "  "])
@pytest.mark.parametrize("key", ["seeds", "results_dir", "epochs", "rerun"])
def test_an_empty_value_is_not_given(key, value):
    assert settings(**{key: value}) == settings()


def test_the_key_with_a_prefix_precedes_the_others():
    assert settings(seeds="1", wod_seeds="2").seeds == (2,)
    assert settings(**{"val-split": "0.1", "val_split": "0.2"}).val_split == 0.2


def test_pytest_shows_each_keys_type():
    types = {option.name: option.ini_type for option in OPTIONS}
    assert types["full-training"] == types["exclusive"] == "bool"
    assert types["cpus-per-case"] == "int"
    assert types["val-split"] == types["tune-epochs"] == types["target"] == types["gpus-per-case"] == "float"
    assert types["seeds"] == types["epochs"] == types["train-fraction"] == types["track"] == "args"
    assert types["data-dir"] == types["results-dir"] == types["report-dir"] == types["baseline"] == "paths"
    assert types["budget"] == types["device"] == types["max-epoch-time"] == "string"
