"""The engine of ``--cases-per-device``: several cases at once on one device, in processes of this machine."""
