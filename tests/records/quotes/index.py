PAGE = "docs/index.md"
QUOTES = ()
GIVEN = ("Python 3.11 to 3.13",)  # held to pyproject.toml by tests/test_packaging.py
