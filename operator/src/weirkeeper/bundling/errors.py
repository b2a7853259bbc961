"""What can go wrong when a bundle is made.

BundlingError
├── UnsuitableEstimator    the estimator cannot be served: not fitted, no predict, outputs of another shape
├── UnsuitableSample       the sample does not fit the estimator, or holds types that the protocol lacks
└── BundleRefused          the finished bundle does not load, or answers otherwise than the estimator did
"""

from __future__ import annotations


class BundlingError(Exception):
    """A bundle cannot be made; the message says what to change."""


class UnsuitableEstimator(BundlingError):
    """The estimator cannot be served."""


class UnsuitableSample(BundlingError):
    """The sample cannot describe the model's inputs."""


class BundleRefused(BundlingError):
    """A server would refuse the bundle."""
