"""A recipe in one human-readable line. Needs no torch."""

from harness.config.datasets import is_resized
from harness.config.recipe import Augmentation, Recipe
from harness.text import count_noun, listed


def recipe_line(dataset: str, recipe: Recipe, *, with_mean: bool = True) -> str:
    """Return a line like ``folder:~/flowers: recipe standard: 64×64 crop, 121 epochs, lr 0.1, …``.

    Args:
        with_mean: False if the images' mean is not computed yet.
    """
    size = f"{recipe.image_size}×{recipe.image_size}" + f" {recipe.fit}" * is_resized(dataset)
    parts = [size, count_noun(recipe.epochs, "epoch"), f"lr {recipe.learning_rate:g}"]
    parts.append(_augmentation_text(recipe.augmentation))
    if with_mean:
        parts.append(f"mean {' '.join(f'{value:.2f}' for value in recipe.augmentation.mean)}")
    return f"{dataset}: recipe {recipe.name}: {', '.join(parts)}"


def _augmentation_text(augmentation: Augmentation) -> str:
    """Return the random operations: ``flips and crops``."""
    operations = {
        "flips": augmentation.horizontal_flip and not augmentation.vertical_flip,
        "vertical flips": augmentation.vertical_flip and not augmentation.horizontal_flip,
        "flips both ways": augmentation.horizontal_flip and augmentation.vertical_flip,
        f"rotations of ±{augmentation.rotation_degrees:g}°": bool(augmentation.rotation_degrees),
        "crops": bool(augmentation.padding) or augmentation.crop_scale is not None,
    }
    done = [name for name, is_done in operations.items() if is_done]
    return listed(done) if done else "no augmentation"


def schedule_text(recipe: Recipe) -> str:
    """Return what a schedule does within its epochs: ``milestones 14, 20, warm-up 3``."""
    milestones = ", ".join(map(str, recipe.milestones)) or "none"
    return f"milestones {milestones}" + (f", warm-up {recipe.warmup_epochs}" if recipe.warmup_epochs else "")
