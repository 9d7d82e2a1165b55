"""Results: a case's measurements, their files and their validation. Never imports torch."""
