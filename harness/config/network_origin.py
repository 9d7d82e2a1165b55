"""The code of a user's network and its place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkOrigin:
    """The code that builds a user's network, as it was when it was imported.

    Attributes:
        code: SHA-256 of everything that the builder reaches, see `harness.models.network_code`.
        file: the path of the file that defines the builder; empty if it is unknown.
        module: the name that the file was imported by.
        name: the builder's name in that module, e.g. ``build`` or ``Nets.small``; empty for a lambda or a function
            inside another, which cannot be imported.
        reached: the names of the user's own modules that the code is in.
        imported: those of them that the code imports while it runs.
        used: each name that the code takes from one of them, after the module's: ``("blocks", "Residual")``.
        family_code: SHA-256 of the same without the depth and the width: equal for all models of one family.
    """

    code: str
    file: str = ""
    module: str = ""
    name: str = ""
    reached: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()
    used: tuple[tuple[str, str], ...] = ()
    family_code: str = ""
