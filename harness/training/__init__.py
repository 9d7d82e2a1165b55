"""Training one case to completion: the epoch loop, checkpoints, resuming, and building the result."""
