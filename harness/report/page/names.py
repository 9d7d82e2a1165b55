"""Models' names on the page: no line breaks inside them, but one behind a library's name."""

import re

# Tags, scripts, commands to copy, and the texts of drawings, which break no lines.
_LEFT_ALONE = re.compile(r"(<(script|style|code|pre|text|title)\b.*?</\2>|<[^>]*>)", re.DOTALL)
_NAME = re.compile(r"(?<![\w./-])([A-Za-z]+\d+)-(\d+(?:\.\d+)?)(?![\w-])")
_LIBRARY = re.compile(r"\b(torchvision|timm):(?=\w)")
_NO_BREAK = "\N{NON-BREAKING HYPHEN}"


def keep_names_whole(html: str) -> str:
    """Return HTML with a no-break hyphen in each model's name that readers see, such as ``resnet20-4``.

    A long name such as ``torchvision:wide_resnet50_2`` may break behind its colon.
    """
    parts = _LEFT_ALONE.split(html)  # text, tag, name of an element left alone, text, …
    parts[::3] = [_LIBRARY.sub(r"\1:<wbr>", _NAME.sub(rf"\1{_NO_BREAK}\2", text)) for text in parts[::3]]
    return "".join(text for place, text in enumerate(parts) if place % 3 != 2)
