"""The paper: its figures, its claims, and the accuracy expected of a case. Never imports torch."""
