"""Whole passes through the system on the real cluster, as its users meet it."""
