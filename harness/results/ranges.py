"""Ranges of the numbers in results: an honest measurement lies inside, and no arithmetic on them overflows."""

import math
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

MOST_COUNT = 10**18  # more than any parameters, operations, images or bytes that a machine of today can count
MOST_TEST_IMAGES = 10**7  # their predictions are held in memory; ImageNet has 50,000
MOST_SECONDS = 1e10  # 300 years
LEAST_SECONDS = 1e-9  # the resolution of the clock; a time that it cannot measure is 0
MOST_LOSS = 1e300  # a loss before divergence can be huge; the sum of any number of them is finite


def _require_measurable(seconds: float) -> float:
    if 0 < seconds < LEAST_SECONDS:
        raise ValueError(f"{seconds} seconds are less than a clock can measure")
    return seconds


Number = Annotated[float, Field(allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=MOST_COUNT, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)]
MeasuredSeconds = Annotated[Seconds, AfterValidator(_require_measurable)]
"""Seconds that others are divided by."""
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]
TestImages = Annotated[int, Field(ge=0, le=MOST_TEST_IMAGES)]
FromOne = Annotated[int, Field(ge=1, le=MOST_COUNT)]
# JSON has no NaN or infinity: such a loss is null.
Loss = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
