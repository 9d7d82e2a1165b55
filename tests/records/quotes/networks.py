"""docs/networks.md: it quotes no measurement."""

PAGE = "docs/networks.md"
QUOTES = []
GIVEN = ["the study's section 2.1"]
