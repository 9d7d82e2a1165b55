import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.data_folder import default_data_dir
from harness.config.recipes import CIFAR10, GTSRB
from harness.config.settings import OPTIONS, read_settings
from harness.config.variant import Variant, fraction_name
from harness.errors import InputError


def settings(environment=None, ini=None, **command_line):
    return read_settings(command_line, environment or {}, ini)


def test_defaults_are_a_quick_run_with_the_experiments_seeds():
    got = settings()
    assert (got.full_training, got.epochs, got.seeds, got.rerun, got.val_split) == (False, None, None, False, 0.0)
    assert (got.device, got.precision) == ("auto", "auto")
    assert got.data_dir == default_data_dir()
    assert got.results_dir == Path("results").absolute()
    assert got.report_dir == Path("report").absolute()


def test_every_option_is_read_from_the_command_line(tmp_path):
    got = settings(
        full_training=True,
        epochs="3",
        seeds="2, 0,1",
        data_dir=str(tmp_path),
        results_dir="r",
        report_dir="p",
        device="cuda:1",
        precision="bf16",
        rerun=True,
        val_split="0.1",
    )
    assert (got.full_training, got.epochs, got.seeds, got.rerun, got.val_split) == (True, (3,), (2, 0, 1), True, 0.1)
    assert (got.data_dir, got.results_dir, got.report_dir) == (tmp_path, Path("r").absolute(), Path("p").absolute())
    assert (got.device, got.precision) == ("cuda:1", "bf16")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_has_an_environment_variable_and_an_ini_key(option, tmp_path):
    values = {"full-training": "true", "rerun": "yes", "seeds": "7", "val-split": "0.25", "epochs": "5"}
    values |= {"pipeline": "reference", "compile": "off", "device": "cuda", "cases-per-device": "auto"}
    values |= {"engine": "ray", "ray-address": "10.0.0.1:6379", "cpus-per-case": "4", "gpus-per-case": "0.5"}
    values |= {
        "exclusive": "true",
        "deterministic": "true",
        "fsdp": "true",
        "margin": "1.5",
        "until-decided": "true",
        "budget": "1h30m",
    }
    values |= {"max-accuracy-drop": "0.2", "max-f1-drop": "1%"}
    values |= {"learning-rates": "0.1,0.02", "tune-epochs": "0.5", "train-fraction": "0.1,1", "target": "90"}
    values |= {"public": "true", "accept-other-code": "true", "track": "mlflow, own.module:Tracker"}
    text = values.get(option.name, "+5%" if option.name.startswith("max-") else str(tmp_path))
    needs_cluster = option.name in ("ray-address", "cpus-per-case", "gpus-per-case", "exclusive")
    needs_full = option.name in (
        "epochs", "learning-rates", "train-fraction", "target", "until-decided", "budget", "baseline"
    )  # fmt: skip
    base = {"full_training": True} if needs_full else {"engine": "ray"} if needs_cluster else {}
    expected = option.parse(text)
    assert option.variable == "WIDER_OR_DEEPER_" + option.name.upper().replace("-", "_")
    assert getattr(settings({option.variable: text}, **base), option.key) == expected
    assert getattr(settings(ini={option.key: text}, **base), option.key) == expected


def test_command_line_precedes_environment_precedes_ini_file():
    environment, ini = {"WIDER_OR_DEEPER_SEEDS": "1"}, {"seeds": "2"}
    assert settings(environment, ini, seeds="0").seeds == (0,)
    assert settings(environment, ini).seeds == (1,)
    assert settings({}, ini).seeds == (2,)


def test_seeds_may_be_ranges_that_include_both_ends():
    assert settings(seeds="0-9").seeds == tuple(range(10))
    assert settings(seeds="7, 0-2,3-3").seeds == (7, 0, 1, 2, 3)


def test_given_seeds_override_an_experiments_own():
    assert settings(full_training=True).seeds_for((3, 4)) == (3, 4)
    assert settings(full_training=True, seeds="0").seeds_for((3, 4)) == (0,)
    assert settings({"WIDER_OR_DEEPER_SEEDS": "1,2"}).seeds_for((3, 4)) == (1, 2)


def test_a_quick_run_takes_the_first_of_an_experiments_own_seeds():
    assert settings().seeds_for((3, 4)) == (3,)


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("epochs", "0", "1 or more"),
        ("epochs", "-3", "1 or more"),
        ("epochs", "many", "1 or more"),
        ("epochs", "30,0", "1 or more, separated by commas, e.g. 30 or 30,100,300"),
        ("epochs", "30,30", "a number of epochs is given twice; give each once"),
        ("learning_rates", "0.1", "two or more numbers above 0 and up to 1000, e.g. 0.02,0.05,0.1"),
        ("learning_rates", "0.1,-1", "two or more numbers above 0"),
        ("learning_rates", "0.1,1e6", "two or more numbers above 0 and up to 1000"),
        ("learning_rates", "0.1,0.10", "a learning rate is given twice"),
        ("tune_epochs", "0", "a share above 0 and up to 1"),
        ("train_fraction", "0", "shares of the training images, above 0 and up to 1, e.g. 0.1,0.5,1"),
        ("train_fraction", "0.5,nan", "shares of the training images"),
        ("train_fraction", "1,1.0", "a share is given twice"),
        ("target", "101", "a percentage above 0 and up to 100, e.g. 90"),
        ("seeds", "one", "give whole numbers or ranges of them, separated by commas, e.g. 0,1,2 or 0-9"),
        ("seeds", "0,,1", "whole numbers or ranges"),
        ("seeds", "-1", "whole numbers or ranges"),
        ("seeds", "1-", "whole numbers or ranges"),
        ("seeds", "1-2-3", "whole numbers or ranges"),
        ("seeds", "0 - 9", "whole numbers or ranges"),
        ("seeds", "0-9223372036854775808", "whole numbers or ranges"),
        ("seeds", "0,9-5", "the range 9-5 is empty; give its smaller end first: 5-9"),
        ("seeds", "0-9223372036854775807", "these are 9,223,372,036,854,775,808 seeds; give at most 10,000, e.g. 0-9"),
        ("seeds", "3,3", "seed 3 is given twice; give each seed once, e.g. 0,1,2 or 0-9"),
        ("seeds", "0-4,3", "seed 3 is given twice"),
        ("val_split", "1", "below 1"),
        ("val_split", "nan", "below 1"),
        ("val_split", "half", "below 1"),
        ("data_dir", "/no/such/folder", "does not exist"),
        ("results_dir", "", "give a folder"),
        ("pipeline", "slow", "give fast or reference"),
        ("compile", "true", "give auto, on or off"),
        ("margin", "0", "give percentage points above 0, e.g. 0.5"),
        ("margin", "inf", "give percentage points above 0"),
        ("margin", "half", "give percentage points above 0"),
        ("budget", "90", "give a time above 0 with its unit, e.g. 90s, 30m, 2h, 1d or 1h30m"),
        ("budget", "2 hours", "with its unit"),
        ("budget", "30m1h", "with its unit"),
        ("budget", "0h", "above 0"),
        ("budget", "9" * 400 + "d", "with its unit"),
        ("track", "wandb", "give tensorboard, mlflow or MODULE:CLASS"),
        ("track", "mlflow,", "give tensorboard, mlflow or MODULE:CLASS"),
        ("track", "mlflow,mlflow", "given twice"),
    ],
)
def test_a_wrong_value_is_an_error_with_option_value_and_remedy(option, value, says):
    with pytest.raises(InputError, match=says) as error:
        settings(full_training=True, **{option: value})
    message = str(error.value)
    assert "--" + option.replace("_", "-") in message
    assert value in message
    assert len(message.splitlines()) <= 2


def test_a_wrong_environment_variable_is_named():
    with pytest.raises(InputError, match="WIDER_OR_DEEPER_RERUN 'maybe': give true or false"):
        settings({"WIDER_OR_DEEPER_RERUN": "maybe"})


@pytest.mark.parametrize(
    ("environment", "ini", "says"),
    [
        ({}, {"epochs": "3"}, "ini key epochs needs --full-training: add it, or leave out ini key epochs"),
        ({"WIDER_OR_DEEPER_BUDGET": "2h"}, {}, "WIDER_OR_DEEPER_BUDGET needs --full-training: add it"),
        ({}, {"data-dir": "/no/such"}, "ini key data-dir /no/such does not exist"),
        ({"WIDER_OR_DEEPER_COMPILE": "on"}, {"pipeline": "reference"}, "^ini key pipeline reference .*_COMPILE on$"),
    ],
)
def test_a_contradiction_names_the_place_of_each_option(environment, ini, says):
    with pytest.raises(InputError, match=says):
        settings(environment, ini)


def test_epochs_without_full_training_are_refused():
    with pytest.raises(InputError, match="--epochs needs --full-training"):
        settings(epochs="3")


def test_shares_of_the_images_without_full_training_are_refused():
    with pytest.raises(InputError, match="--train-fraction needs --full-training: add it, or leave out --train-fra"):
        settings(train_fraction="0.5")


@pytest.mark.parametrize(("option", "value"), [("precision", "bf16"), ("precision", "tf32"), ("compile", "on")])
def test_the_reference_pipeline_is_eager_float32(option, value):
    assert settings(pipeline="reference", precision="fp32", compile="off").pipeline == "reference"
    with pytest.raises(InputError, match=f"--pipeline reference is eager float32.*leave out --{option} {value}"):
        settings(pipeline="reference", **{option: value})


@pytest.mark.parametrize(("option", "value"), [("until_decided", True), ("budget", "2h")])
def test_options_of_a_whole_study_need_full_training(option, value):
    name = "--" + option.replace("_", "-")
    with pytest.raises(InputError, match=f"{name} needs --full-training: add it, or leave out {name}"):
        settings(**{option: value})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1d", 86_400),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("1d2h3m4.5s", 93784.5),
    ],
)
def test_a_budget_is_a_time_with_units(text, seconds):
    assert settings(full_training=True, budget=text).budget == seconds


def test_a_budget_and_tuning_exclude_each_other():
    with pytest.raises(InputError, match="--budget does not count the trials of --learning-rates: leave out one"):
        settings(full_training=True, budget="2h", learning_rates="0.05,0.1")


def test_a_budget_and_a_cluster_exclude_each_other():
    with pytest.raises(InputError, match="--budget counts .*: leave it out, or leave out --engine ray"):
        settings(full_training=True, budget="2h", engine="ray")


def test_the_mode_follows_from_the_options():
    def adapted(recipe, **options):
        found = settings(**options)
        return [found.adapt(recipe, variant) for variant in found.variants()]

    assert adapted(CIFAR10) == [(CIFAR10.quick(), "quick")]
    assert adapted(CIFAR10, full_training=True) == [(CIFAR10, "full")]
    assert adapted(CIFAR10, full_training=True, epochs="3") == [(CIFAR10.with_epochs(3), "shortened")]
    assert adapted(GTSRB, full_training=True, epochs="40") == [(GTSRB, "full")]
    both = [(GTSRB, "full"), (GTSRB.with_epochs(8), "shortened")]
    assert adapted(GTSRB, full_training=True, epochs="40,8") == both


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, [""]),
        ({"epochs": "30"}, [""]),
        ({"train_fraction": "0.1"}, [""]),
        ({"epochs": "30,100"}, ["epochs30", "epochs100"]),
        ({"train_fraction": "0.1,1", "epochs": "30"}, ["fraction0.1", "fraction1"]),
        ({"learning_rates": "0.1,0.2"}, ["", "tuned"]),
        (
            {"epochs": "5,9", "train_fraction": "0.25,1"},
            ["epochs5-fraction0.25", "epochs5-fraction1", "epochs9-fraction0.25", "epochs9-fraction1"],
        ),
        (
            {"epochs": "5,9", "learning_rates": "0.1,0.2"},
            ["epochs5", "epochs5-tuned", "epochs9", "epochs9-tuned"],
        ),
    ],
)
def test_a_variants_name_has_what_varies_and_nothing_else(options, names):
    variants = settings(full_training=True, **options).variants()
    assert [one.name for one in variants] == names
    assert [one.is_tuned for one in variants] == ["tuned" in name for name in names]


@given(st.lists(st.floats(1e-9, 1), min_size=2, unique=True))
def test_different_shares_have_different_names(fractions):
    assert len({fraction_name(one) for one in fractions}) == len(fractions)
    assert all(float(fraction_name(one).removeprefix("fraction")) == one for one in fractions)


def test_a_variants_validation_split_replaces_the_settings():
    found = settings(val_split="0.2")
    assert found.val_split_of(Variant()) == 0.2
    assert found.val_split_of(Variant(val_split=0.0)) == 0.0


@given(st.sampled_from(OPTIONS), st.text(max_size=30))
def test_any_text_is_a_value_or_an_input_error(option, text):
    for values in ({option.key: text}, {}), ({}, {option.variable: text}):
        try:
            got = settings(values[1], **({"full_training": True} | values[0]))
        except InputError as error:
            assert str(error)
        else:
            assert got.epochs is None or all(one >= 1 for one in got.epochs)
            assert got.train_fraction is None or all(0 < one <= 1 for one in got.train_fraction)
            assert got.learning_rates is None or list(got.learning_rates) == sorted(set(got.learning_rates))
            assert got.seeds is None or len(set(got.seeds)) == len(got.seeds) > 0
            assert all(0 <= seed < 2**63 for seed in got.seeds or ())
            assert 0 <= got.val_split < 1
            assert got.margin > 0
            assert got.budget is None or got.budget > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "slurm"}, "--engine 'slurm': give local or ray"),
        ({"cases_per_device": "0"}, "--cases-per-device '0': give a whole number, 1 or more, or auto"),
        ({"engine": "ray", "cases_per_device": "2"}, "with --engine ray give --gpus-per-case, e.g. 0.5"),
        ({"full_training": True, "budget": "2h", "cases_per_device": "auto"}, "or leave out --cases-per-device"),
        ({"ray_address": "auto"}, "--ray-address needs a cluster: add --engine ray, or leave it out"),
        ({"exclusive": True}, "--exclusive needs a cluster: add --engine ray"),
        ({"engine": "ray", "ray_address": "ray://10.0.0.1:10001"}, "run it on a machine of the cluster, and give auto"),
        ({"engine": "ray", "ray_address": "10.0.0.1"}, "give auto or HOST:PORT, e.g. 10.0.0.1:6379"),
        ({"engine": "ray", "cpus_per_case": "0"}, "--cpus-per-case '0': give a whole number, 1 or more"),
        ({"engine": "ray", "gpus_per_case": "2"}, "to train a case on several GPUs use torchrun"),
        ({"engine": "ray", "gpus_per_case": "nan"}, "give 0, 1 or a share of one GPU"),
        ({"engine": "ray", "device": "cpu", "gpus_per_case": "1"}, "--device cpu contradicts --gpus-per-case 1"),
        ({"engine": "ray", "device": "cuda:1"}, "--device cuda:1 names a device of one machine"),
    ],
)
def test_options_that_contradict_the_engine_are_refused(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        settings(**options)


def test_a_cluster_may_have_data_folders_that_this_machine_lacks():
    assert settings(engine="ray", data_dir="/there/not/here").data_dir == Path("/there/not/here")
