"""Weirkeeper brings machine-learning models to production by degrees and keeps watching them."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weirkeeper.bundling.maker import bundle
    from weirkeeper.client.asking import predict
    from weirkeeper.client.feedback import feedback
    from weirkeeper.comparison.comparing import drift, profile

__version__ = version("weirkeeper")

__all__ = ["__version__", "bundle", "drift", "feedback", "predict", "profile"]


_HOMES = {
    "bundle": "weirkeeper.bundling.maker",
    "drift": "weirkeeper.comparison.comparing",
    "feedback": "weirkeeper.client.feedback",
    "predict": "weirkeeper.client.asking",
    "profile": "weirkeeper.comparison.comparing",
}


def __getattr__(name: str) -> Any:
    """Import what owners of models use when it is first asked for: the operator's image has no pandas and no Arrow."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'weirkeeper' has no attribute {name!r}")
