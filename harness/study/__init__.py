"""Studies: many cases planned, trained by an engine, and reproduced from their weights."""
