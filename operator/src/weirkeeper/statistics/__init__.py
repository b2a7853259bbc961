"""Profiles, distances and sequential tests: pure, numpy only, shared by the operator and the model server."""

from weirkeeper.statistics.building import Described
from weirkeeper.statistics.checking import check_columns, check_totals
from weirkeeper.statistics.comparison import Comparison, compare
from weirkeeper.statistics.concept import concept_drift
from weirkeeper.statistics.concept_drift import ConceptDrift
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
    Finding,
    History,
    WindowReport,
    alarm_share,
    assess,
    held,
)
from weirkeeper.statistics.errors import ColumnMismatch, ProfileError, ProfileMismatch, StatisticsError
from weirkeeper.statistics.expected import ExpectedPerformance, expected_performance
from weirkeeper.statistics.fairness import Disparity, FairnessRule, disparity, groups_of
from weirkeeper.statistics.feature import FeatureProfile
from weirkeeper.statistics.held_out import HeldOut
from weirkeeper.statistics.intervals import Share
from weirkeeper.statistics.joint import Projection
from weirkeeper.statistics.label_slots import LabelledWindow, booked, labelled_window, watermark
from weirkeeper.statistics.labels import LabelCounts
from weirkeeper.statistics.latency import (
    BINS,
    bin_of,
    exceeding,
    merge,
    quantile_bin,
    upper_edge_us,
    whole_milliseconds_us,
)
from weirkeeper.statistics.means import MeanBlock, MeanDifference, log_e_of_mean, mixture_width
from weirkeeper.statistics.noncentral import chi2_cdf, chi2_sf, ncx2_cdf, ncx2_isf, ncx2_ppf, ncx2_sf
from weirkeeper.statistics.performance import Estimate, estimates
from weirkeeper.statistics.profile import ReferenceProfile
from weirkeeper.statistics.projection import requests_to_reach
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
from weirkeeper.statistics.two_sample import PluginTest, distribution_log_ratios, log_e_of_distribution
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
    "ConceptDrift",
    "Described",
    "Disparity",
    "DriftState",
    "Estimate",
    "ExpectedPerformance",
    "FairnessRule",
    "FeatureDrift",
    "FeaturePolicy",
    "FeatureProfile",
    "Finding",
    "HeldOut",
    "History",
    "Homogeneity",
    "LabelCounts",
    "LabelledWindow",
    "MeanBlock",
    "MeanDifference",
    "PluginTest",
    "ProfileCounters",
    "ProfileError",
    "ProfileMismatch",
    "Projection",
    "ReferenceProfile",
    "Scatter",
    "Share",
    "StatisticsError",
    "View",
    "Wasserstein",
    "WindowReport",
    "absolute_log_ratios",
    "add",
    "alarm_share",
    "assess",
    "bin_of",
    "booked",
    "change_of",
    "check_columns",
    "check_totals",
    "chi2_cdf",
    "chi2_sf",
    "compare",
    "concept_drift",
    "disparity",
    "distribution_log_ratios",
    "effective_size",
    "estimates",
    "exceeding",
    "expected_performance",
    "groups_of",
    "held",
    "hellinger",
    "homogeneity",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "l_infinity",
    "labelled_window",
    "log_e",
    "log_e_of_distribution",
    "log_e_of_mean",
    "merge",
    "mixture_width",
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
    "requests_to_reach",
    "subtract",
    "total_variation",
    "upper_edge_us",
    "wasserstein",
    "watermark",
    "whole_milliseconds_us",
]
