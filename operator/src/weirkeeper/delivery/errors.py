"""Errors of delivery.

DeliveryError
└── InvariantError    the memory contradicts itself: a bug, or a status that somebody else wrote
"""

from __future__ import annotations


class DeliveryError(Exception):
    """Any error of delivery."""


class InvariantError(DeliveryError):
    """The machine's memory is in a state that the machine never writes."""
