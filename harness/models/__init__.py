"""Networks built with torch, and their cost in parameters and multiply-accumulates."""
