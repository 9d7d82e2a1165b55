"""The tables: paper and answer tables, runs, claims, folders side by side, throughput."""
