"""docs/set-ups.md: limits of other programs."""

PAGE = "docs/set-ups.md"
QUOTES = []
GIVEN = ["64 MB, Docker's default", "a socket's path has at most 107 bytes"]
