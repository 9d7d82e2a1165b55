"""What measurements mean: models compared, what width and depth buy, and the paper's claims. Needs no torch."""
