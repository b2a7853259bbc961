"""Everything that this program refuses or fails at.

ClusterError                 its message is shown as it stands, without a traceback
├── CommandFailed            a program that was run ended with a non-zero code
├── WaitedTooLong            something did not become true within its limit
├── PortTaken                a port that a component needs is in use
└── MissingProgram           a program that cannot be installed from here is not there
"""


class ClusterError(Exception):
    """Something the person at the terminal should read and act upon."""


class CommandFailed(ClusterError):
    """A program ended with a non-zero code; the message carries the end of what it said."""


class WaitedTooLong(ClusterError):
    """A wait reached its limit."""


class PortTaken(ClusterError):
    """A component's port is already in use inside the cluster's network namespace."""


class MissingProgram(ClusterError):
    """A needed program is not installed and cannot be installed by this one."""
