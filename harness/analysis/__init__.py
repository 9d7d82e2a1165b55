"""Analysis: statistics, comparisons, verdicts on the paper's claims, the answer. Never imports torch."""
