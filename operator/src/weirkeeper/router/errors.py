"""What can go wrong beside Envoy.

RouterError
├── InvalidTraffic      a Model's status asks for a split that cannot be routed; its former routes stay
├── BrokenMemory        what the agent kept on disk cannot be read; it begins anew
└── EnvoySilent         Envoy's admin port does not answer, or not as expected; asked again shortly
"""

from __future__ import annotations


class RouterError(Exception):
    """Something beside Envoy is not as it should be."""


class InvalidTraffic(RouterError):
    """A Model's status asks for a split that cannot be routed; says which and what was expected."""


class BrokenMemory(RouterError):
    """The agent's file of decisions cannot be read; says where and what was found."""


class EnvoySilent(RouterError):
    """Envoy's admin port did not answer in time, or with something else than expected."""
