"""What can go wrong when rows are compared.

StatisticsError (a ValueError; of `weirkeeper.statistics`)
└── ComparisonError
    ├── UnusableRule       delta, false alarms, rows: a number is out of its range, or two options contradict
    ├── UnreadableRows     a file is no CSV, Parquet or profile, or an object is no table
    ├── UnusableReference  no profile can be made of the reference, or it is a profile of another version
    └── UnfitColumns       columns are missing, unknown, there twice, of another type, or of two types
"""

from __future__ import annotations

from weirkeeper.statistics.errors import StatisticsError


class ComparisonError(StatisticsError):
    """Rows cannot be compared; the message says what to change."""


class UnusableRule(ComparisonError):
    """What is to be called drift is not said as it must be."""


class UnreadableRows(ComparisonError):
    """Rows cannot be read."""


class UnusableReference(ComparisonError):
    """There is no profile to compare with."""


class UnfitColumns(ComparisonError):
    """The columns of the two sides do not belong together."""
