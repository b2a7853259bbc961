"""What is computed for every request, in C: compiled by `hatch_build.py`, called by ctypes, without Python's headers.

Nobody depends on it: where no library is for the machine, callers compute the same by other means.
"""
