"""How fast the harness itself is: its two pipelines beside each other, its augmentation, how its cost grows."""
