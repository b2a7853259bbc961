"""The demo: one story on a real cluster, asserted while it is printed (``python -m demo run``)."""
