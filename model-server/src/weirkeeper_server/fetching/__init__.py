"""Bringing an artifact into the pod: only from where it may come, only as it was meant, only what a bundle has."""
