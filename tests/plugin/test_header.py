from harness.config.experiment import plan_experiment
from harness.config.settings import read_settings
from harness.plugin.header import header_line


def header(*cases, **options):
    settings = read_settings({"full_training": True, **options}, {})
    return header_line(settings, [plan_experiment(settings, dataset, "resnet20", seed) for dataset, seed in cases])


def test_the_header_shows_the_seeds_of_the_selected_cases():
    shown = header(("digits", 3), ("digits", 0), ("cifar10", 3), ("cifar10", 0), seeds="3,0,1")
    assert shown == "wider-or-deeper: full training, the recipes' own epochs, seeds 3,0"


def test_the_header_shows_the_seeds_of_each_dataset_if_they_differ():
    shown = header(("digits", 0), ("digits", 1), ("cifar10", 0), epochs="3")
    assert shown == "wider-or-deeper: full training, epochs 3, seeds 0,1 (digits) and 0 (cifar10)"


def test_the_header_says_that_each_model_is_trained_at_its_own_rate_too():
    shown = header(("digits", 0), learning_rates="0.1,0.02")
    assert shown.endswith("epochs, at the recipe's learning rate and at each model's best of 0.02 and 0.1, seeds 0")


def test_the_header_without_experiments_shows_no_seeds():
    assert header() == "wider-or-deeper: full training, the recipes' own epochs"


def test_the_header_of_a_quick_run_says_that_it_measures_nothing():
    assert header(("digits", 0), full_training=False).startswith("wider-or-deeper: quick mode, a smoke run")
