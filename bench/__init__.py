"""Comparisons with other tools, side by side in one run."""
