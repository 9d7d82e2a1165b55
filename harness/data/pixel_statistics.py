"""Mean and standard deviation of 8-bit images, equal on every machine."""

from harness.data.images import ImageSet

_DIGITS = 4


def mean_and_std(images: ImageSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return each channel's mean and standard deviation over all pixels scaled to 0…1, to four decimals.

    The sums are of whole numbers and exact, so the order of images and the device do not matter. A channel whose pixels
    are all equal has the deviation 1.
    """
    sums = images.channel_sums()
    mean, std = (tuple(round(value, _DIGITS) for value in values) for values in (sums.mean, sums.std))
    return mean, tuple(value or 1.0 for value in std)
