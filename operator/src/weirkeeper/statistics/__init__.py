"""Profiles, distances and sequential tests: pure, numpy only, shared by the operator and the model server."""

from weirkeeper.statistics.latency import BINS, bin_of, exceeding, merge, quantile_bin, upper_edge_us

__all__ = ["BINS", "bin_of", "exceeding", "merge", "quantile_bin", "upper_edge_us"]
