"""The Ray engine: cases trained at the same time on the nodes of a Ray cluster."""
