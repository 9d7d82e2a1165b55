"""What is said of results: it reads results and published values, nothing else, and trains nothing."""
