"""Results: measurements of a case, their files in the results folder, and their validation. Never imports torch."""
