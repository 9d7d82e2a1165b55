"""docs/data.md: the standard recipe's schedule is the code's; the datasets' sizes are the published ones."""

from harness.config import standard
from harness.config.datasets import SPECS
from tests.records.quote import Quote

PAGE = "docs/data.md"


def _schedule():
    """Return the shares of a schedule at which the learning rate falls, and that of the warm-up, in percent."""
    recipe = standard.Standard(epochs=200).resolve(32, 1000, [0.5], [0.25])
    return [100 * epoch / recipe.epochs for epoch in (*recipe.milestones, recipe.warmup_epochs)]


QUOTES = [
    Quote("{:.0f} million images in all", lambda: [standard._IMAGES_SEEN / 1e6]),
    Quote("within {} to {} epochs", lambda: [standard._MIN_EPOCHS, standard._MAX_EPOCHS]),
    Quote("at {:.0f} % and {:.0f} %, after a warm-up of {:.0f} %", _schedule),
    Quote("of one size up to {} pixels keep it", lambda: [standard.LARGEST_OWN_SIZE]),
    Quote("used all {:,} GTSRB training images", lambda: [SPECS["gtsrb"].train_images]),
]
GIVEN = []
