"""The question, before any training: datasets, models, recipes, settings, cases. Needs no torch."""
