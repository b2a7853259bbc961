"""Weirkeeper brings machine-learning models to production by degrees and keeps watching them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weirkeeper.bundling.maker import bundle
    from weirkeeper.client.asking import predict
    from weirkeeper.client.feedback import feedback

__version__ = version("weirkeeper")

__all__ = ["__version__", "bundle", "feedback", "predict"]


def __getattr__(name: str) -> Any:
    """Import what makes bundles and asks models when it is first asked for: the operator's image has no pandas."""
    if name == "bundle":
        from weirkeeper.bundling.maker import bundle  # noqa: PLC0415  see above

        return bundle
    if name == "predict":
        from weirkeeper.client.asking import predict  # noqa: PLC0415  see above

        return predict
    if name == "feedback":
        from weirkeeper.client.feedback import feedback  # noqa: PLC0415  see above

        return feedback
    raise AttributeError(f"module 'weirkeeper' has no attribute {name!r}")
