"""The engine of ``--cases-per-device``: several cases at once on one device of this machine."""
