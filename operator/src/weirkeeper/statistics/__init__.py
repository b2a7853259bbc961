"""Profiles, distances and sequential tests: pure, numpy only, shared by the operator and the model server."""

from weirkeeper.statistics.building import Described
from weirkeeper.statistics.checking import check_columns, check_totals
from weirkeeper.statistics.comparison import Comparison, compare
from weirkeeper.statistics.counters import add, subtract
from weirkeeper.statistics.distances import (
    Bracket,
    Homogeneity,
    Wasserstein,
    effective_size,
    hellinger,
    homogeneity,
    jensen_shannon,
    kolmogorov_smirnov,
    l_infinity,
    pooled,
    psi,
    psi_debiased,
    psi_lower,
    psi_threshold,
    total_variation,
    wasserstein,
)
from weirkeeper.statistics.drift import (
    DriftState,
    FeatureDrift,
    FeaturePolicy,
    WindowReport,
    alarm_share,
    assess,
)
from weirkeeper.statistics.errors import ColumnMismatch, ProfileError, ProfileMismatch, StatisticsError
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.joint import Projection
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
from weirkeeper.statistics.ranking import ranked
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
from weirkeeper.statistics.views import View
from weirkeeper.statistics.wording import change_of

__all__ = [
    "BINS",
    "LOWER_GRID",
    "UPPER_GRID",
    "Block",
    "Bracket",
    "ColumnMismatch",
    "Comparison",
    "Described",
    "DriftState",
    "FeatureDrift",
    "FeaturePolicy",
    "FeatureProfile",
    "Homogeneity",
    "ProfileCounters",
    "ProfileError",
    "ProfileMismatch",
    "Projection",
    "ReferenceProfile",
    "Scatter",
    "StatisticsError",
    "View",
    "Wasserstein",
    "WindowReport",
    "absolute_log_ratios",
    "add",
    "alarm_share",
    "assess",
    "bin_of",
    "change_of",
    "check_columns",
    "check_totals",
    "chi2_cdf",
    "chi2_sf",
    "compare",
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
    "psi_debiased",
    "psi_lower",
    "psi_threshold",
    "quantile_bin",
    "ranked",
    "relative_log_ratios",
    "subtract",
    "total_variation",
    "upper_edge_us",
    "wasserstein",
    "whole_milliseconds_us",
]
