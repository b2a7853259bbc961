"""What a request is to its model: one of the split, a copy that nobody waits for, or one of chosen callers."""

from __future__ import annotations

from typing import Final, Literal

from weirkeeper.api.names import HEADER_ARM, MATCH, MIRROR

Arm = Literal["", "mirror", "match"]
"""Empty for requests of the split. Each arm is counted by itself; a copy gets no feedback token."""

ARM_FIELD: Final = HEADER_ARM.encode()

_ARMS: Final[dict[str | bytes | None, Arm]] = {
    MIRROR: "mirror",
    MIRROR.encode(): "mirror",
    MATCH: "match",
    MATCH.encode(): "match",
}


def arm_of(told: str | bytes | None) -> Arm:
    """Understand the header by which routers tell; clients cannot send it through them."""
    return _ARMS.get(told, "")
