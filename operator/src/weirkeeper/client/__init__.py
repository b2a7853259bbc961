"""Asking a served model about rows of a frame, from a notebook or the command line."""
