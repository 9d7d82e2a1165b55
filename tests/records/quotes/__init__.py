"""The quoted figures of each page, a module each.

A module has ``PAGE``, the page's path; ``QUOTES``, its phrases with figures from records; and ``GIVEN``, the phrases
whose figures are not measured: a default, a definition, a bound of a test, a published value.
"""

import importlib
import pkgutil

MODULES = {
    module.PAGE: module
    for module in (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
}
"""The modules by page."""
