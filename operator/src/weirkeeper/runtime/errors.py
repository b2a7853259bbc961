"""Why a process of ours does not start.

RuntimeFault
└── Unusable      settings or environment will not do; whoever installed the chart corrects them (exit code 2)
"""

from __future__ import annotations


class RuntimeFault(Exception):
    """A process of ours cannot do its work."""


class Unusable(RuntimeFault):
    """Settings or environment will not do; the message says what was given, what was expected and what to do."""
