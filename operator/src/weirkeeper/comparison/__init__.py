"""Compares two sets of rows, or rows with a profile, without a cluster: `weirkeeper drift` and `weirkeeper.drift`."""
