"""What one request to a model server may cost: the same whoever starts the server."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from weirkeeper.api.record import Record

MOST_WORKERS: Final = 32
"""Processes that may serve in one pod; replicas are for more."""


class RequestLimits(Record):
    """How large a request may be, apart from its bytes, and how many may be under way."""

    max_rows: int = Field(default=10_000, ge=1, description="Most rows in one request.")
    max_tensors: int = Field(default=4_096, ge=1, description="Most inputs, and most outputs, that a request names.")
    max_elements: int = Field(default=5_000_000, ge=1, description="Most values in all inputs of a request together.")
    max_string_length: int = Field(
        default=1_000_000, ge=1, description="Longest string among the values, in characters."
    )
    max_json_depth: int = Field(default=32, ge=8, description="Deepest nesting of lists and objects in a body.")
    max_concurrent_requests: int = Field(
        default=256, ge=1, description="Most inference requests under way at a time, in one pod."
    )
