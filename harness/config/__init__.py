"""What is asked for, before anything is trained: datasets, models, recipes, settings, cases. Needs no torch."""
