"""The machine that trains: its devices, memory, clocks, cores, and the cases that share it."""
