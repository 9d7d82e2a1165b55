"""Export: a result's network as files that need neither torch nor this package, and their check."""
