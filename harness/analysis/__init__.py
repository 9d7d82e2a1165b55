"""Analysis: statistics, comparisons, verdicts on the paper's claims, and the answer. Never imports torch."""
