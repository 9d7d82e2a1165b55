"""Figures of the page on the study: read from the harness's own data on the paper."""

from harness.config.datasets import SPECS, title_of
from harness.config.recipes import CIFAR10, PUBLISHED_RECIPES
from harness.paper.claims import CLAIMS
from harness.paper.expectations import TOLERANCE_PP
from harness.paper.published import PUBLISHED, exact_parameters
from tests.records.quote import Quote

PAGE = "docs/study.md"


def _row(*cells):
    """Return a quote of a table's row."""
    return Quote("{}", lambda: [f"| {' | '.join(map(str, cells))} |"])


def _experiment(name):
    spec, recipe = SPECS[name], PUBLISHED_RECIPES[name]
    images = f"{spec.train_images:,} / {spec.test_images:,}"
    shape = "×".join(map(str, spec.input_shape(recipe.image_size)))
    milestones = ", ".join(map(str, recipe.milestones))
    return _row(title_of(name), images, spec.num_classes, shape, recipe.epochs, milestones, recipe.batch_size)


def _table_5(one):
    return f" / {one.final_accuracy_percent:.2f}" if one.dataset == "fashionmnist" else ""


def _model(one):
    drawn = one.figure_marginal_gain
    return _row(
        one.model,
        f"{exact_parameters(one.dataset, one.model):,}",
        f"{one.accuracy_percent:.2f}{_table_5(one)}",
        f"{one.macro_f1_percent:.2f}",
        one.epoch_seconds,
        *([f"{drawn:.4f}" if round(drawn, 4) == drawn else drawn] if drawn else []),
        f"{one.marginal_gain:.4f}",
    )


QUOTES = (
    *map(_experiment, ("cifar10", "fashionmnist", "gtsrb")),
    *map(_model, PUBLISHED.values()),
    *(_row(claim.name, claim.text, claim.audit) for claim in CLAIMS),
    Quote(
        "Nesterov momentum {}, weight decay {} and learning rate {}, which is multiplied by {} at the milestones",
        lambda: [CIFAR10.momentum, CIFAR10.weight_decay, CIFAR10.learning_rate, CIFAR10.gamma],
    ),
    Quote(
        "The trainings took {:.1f} hours in all", lambda: [sum(one.total_seconds for one in PUBLISHED.values()) / 3600]
    ),
    Quote(
        "table 5: up to {:.2f} pp lower",
        lambda: [max(one.accuracy_percent - one.final_accuracy_percent for one in PUBLISHED.values())],
    ),
    Quote("must not be more than {} pp below it", lambda: [TOLERANCE_PP]),
)
GIVEN = ("table 6: 42.58M, cut off",)
