"""The plugin's lines in pytest's header: the mode, epochs and seeds, and options of others."""

from collections.abc import Sequence

from harness.config.experiment import Experiment
from harness.config.settings import Settings
from harness.config.variant import fraction_text
from harness.plugin.session import HarnessSession
from harness.plugin.short_names import taken_lines, with_valid_names
from harness.text import listed, printable

_QUICK = "quick mode, a smoke run that measures nothing; --full-training trains the experiments"


def header_lines(harness: HarnessSession, experiments: Sequence[Experiment]) -> list[str]:
    """Return the lines for the selected experiments; a quiet session has only those on options in use."""
    config = harness.config
    is_quiet = config.option.verbose < 0 or config.option.no_header
    mode = [] if is_quiet else [with_valid_names(config, header_line(harness.settings, experiments))]
    return list(map(printable, mode + taken_lines(config, only_in_use=is_quiet)))


def header_line(settings: Settings, experiments: Sequence[Experiment]) -> str:
    """Return the line for the selected experiments; without any, it has no seeds."""
    if not settings.full_training:
        return f"wider-or-deeper: {_QUICK}"
    given = listed(list(map(str, settings.epochs or ())))
    epochs = f"epochs {given}" if given else "the recipes' own epochs"
    shares = [fraction_text(one) for one in settings.train_fraction or ()]
    rates = [f"{one:g}" for one in settings.learning_rates or ()]
    tuned = [f"at the recipe's learning rate and at each model's best of {listed(rates)}"] if rates else []
    some = [listed(shares)] if shares else []
    parts = ["wider-or-deeper: full training", epochs, *some, *tuned, *_seeds(experiments)]
    return ", ".join(parts)


def _seeds(experiments: Sequence[Experiment]) -> list[str]:
    """Return the seeds of all datasets, or of each dataset if they differ."""
    by_dataset: dict[str, list[str]] = {}
    for experiment in experiments:
        seeds = by_dataset.setdefault(experiment.dataset, [])
        if str(experiment.seed) not in seeds:
            seeds.append(str(experiment.seed))
    texts = {dataset: ",".join(seeds) for dataset, seeds in by_dataset.items()}
    if len(set(texts.values())) > 1:
        return ["seeds " + " and ".join(f"{text} ({dataset})" for dataset, text in texts.items())]
    return [f"seeds {text}" for text in list(texts.values())[:1]]
