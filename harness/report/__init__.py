"""The report: reads results and published values, nothing else, and trains nothing."""
