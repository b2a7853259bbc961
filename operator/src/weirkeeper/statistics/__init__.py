"""Profiles, distances and sequential tests: pure, numpy only, shared by the operator and the model server."""

from weirkeeper.statistics.counters import add, subtract
from weirkeeper.statistics.distances import (
    effective_size,
    hellinger,
    homogeneity,
    jensen_shannon,
    kolmogorov_smirnov,
    l_infinity,
    pooled,
    psi,
    psi_lower,
    psi_threshold,
    total_variation,
)
from weirkeeper.statistics.drift import (
    DriftState,
    FeatureDrift,
    FeaturePolicy,
    WindowReport,
    alarm_share,
    assess,
)
from weirkeeper.statistics.errors import ProfileError, ProfileMismatch, StatisticsError
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.latency import (
    BINS,
    bin_of,
    exceeding,
    merge,
    quantile_bin,
    upper_edge_us,
    whole_milliseconds_us,
)
from weirkeeper.statistics.noncentral import chi2_cdf, chi2_sf, ncx2_cdf, ncx2_isf, ncx2_ppf, ncx2_sf
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.rows import ProfileCounters
from weirkeeper.statistics.sequential import (
    LOWER_GRID,
    UPPER_GRID,
    Block,
    Scatter,
    absolute_log_ratios,
    log_e,
    relative_log_ratios,
)

__all__ = [
    "BINS",
    "LOWER_GRID",
    "UPPER_GRID",
    "Block",
    "DriftState",
    "FeatureDrift",
    "FeaturePolicy",
    "FeatureProfile",
    "ProfileCounters",
    "ProfileError",
    "ProfileMismatch",
    "ReferenceProfile",
    "Scatter",
    "StatisticsError",
    "WindowReport",
    "absolute_log_ratios",
    "add",
    "alarm_share",
    "assess",
    "bin_of",
    "chi2_cdf",
    "chi2_sf",
    "effective_size",
    "exceeding",
    "hellinger",
    "homogeneity",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "l_infinity",
    "log_e",
    "merge",
    "ncx2_cdf",
    "ncx2_isf",
    "ncx2_ppf",
    "ncx2_sf",
    "pooled",
    "psi",
    "psi_lower",
    "psi_threshold",
    "quantile_bin",
    "relative_log_ratios",
    "subtract",
    "total_variation",
    "upper_edge_us",
    "whole_milliseconds_us",
]
