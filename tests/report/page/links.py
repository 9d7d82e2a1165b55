"""The links of a page, read without a browser."""

from html.parser import HTMLParser


class _Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("href", "src", "xlink:href", "srcset", "data")]


def links_of(path):
    """Return every address that an element of a page leads to or loads."""
    parser = _Links()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser.found
