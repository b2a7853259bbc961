"""Errors of this package.

StatisticsError (a ValueError)
├── ProfileError      a reference profile cannot be made, or what was read is none
├── ProfileMismatch   counts that do not belong together: other features, other bins, another profile
└── ColumnMismatch    columns that are not those of the profile: some are missing, or hold another type
"""

from __future__ import annotations


class StatisticsError(ValueError):
    """Something was given that no statistic can be made of."""


class ProfileError(StatisticsError):
    """A reference profile cannot be made of these columns, or what was read is not one."""


class ProfileMismatch(StatisticsError):
    """Counts that were made under another profile, or counters that fell: a restart is a series of its own."""


class ColumnMismatch(StatisticsError):
    """Columns that a profile knows otherwise: they are missing, or hold values of another type.

    `column` is the one whose type is another.
    """

    def __init__(self, message: str, column: str = "") -> None:
        super().__init__(message)
        self.column = column
