from harness.config.recipes import CIFAR10, DIGITS, FASHIONMNIST, FLOWERS102, GTSRB
from tests.records.quote import Quote

PAGE = "docs/commands.md"
QUOTES = (
    Quote("the paper's: {} and {} epochs", lambda: [CIFAR10.epochs, FASHIONMNIST.epochs]),
    Quote("the paper's: {0} epochs at {1}×{1}", lambda: [GTSRB.epochs, GTSRB.image_size]),
    Quote("this project's: {0} epochs at {1}×{1}, five seeds", lambda: [DIGITS.epochs, DIGITS.image_size]),
    Quote("this project's: {0} epochs at {1}×{1} |", lambda: [FLOWERS102.epochs, FLOWERS102.image_size]),
)
GIVEN = ()
