"""The axes of a study as its experiment mark gives them, for networks without a family's grid."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GivenAxes:
    """A base model, and the models along each axis in the order given, nearest to the base first.

    With both axes empty, the axes are those of the base's family.
    """

    base: str
    depth: tuple[str, ...] = ()
    width: tuple[str, ...] = ()

    @property
    def models(self) -> frozenset[str]:
        return frozenset((self.base, *self.depth, *self.width))
