"""Tokens: what an answer was, sealed so that nobody but the model's servers can read, make or change it.

A token is base64url without padding of: one byte for the version, four for the key, four for the model, a nonce of
twelve, then the prediction under AES-256-GCM-SIV (RFC 8452), which keeps its promises even if a nonce comes twice.
What stands in clear, and the whole name of the model, are authenticated with it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag

from weirkeeper_server.feedback.keys import IDENTIFIER_BYTES, KeyRing
from weirkeeper_server.feedback.prediction import Kind, Prediction
from weirkeeper_server.feedback.refusals import Refused

VERSIONS: Final = (b"\x01", b"\x02", b"\x03")
_LATER: Final[Mapping[Kind, bytes]] = {"likely": VERSIONS[1], "binned": VERSIONS[2]}
"""Tokens with the probabilities of several classes, and with bins of numbers, have versions of their own, so that
servers that know none refuse them."""

NONCE_BYTES: Final = 12
MODEL_BYTES: Final = 4
TAG_BYTES: Final = 16
CLEAR_BYTES: Final = 1 + IDENTIFIER_BYTES + MODEL_BYTES
LONGEST: Final = 65_536
"""Characters of the longest token that is looked at."""


class Tokens:
    """Seals and opens the tokens of one model."""

    def __init__(self, model: str, keys: KeyRing) -> None:
        self._keys = keys
        self._model = hashlib.sha256(model.encode()).digest()[:MODEL_BYTES]
        self._bound = model.encode()

    def seal(self, prediction: Prediction) -> str | None:
        """Make a token; None without a key to seal with."""
        key = self._keys.current()
        if key is None:
            return None
        clear = _LATER.get(prediction.kind, VERSIONS[0]) + key.identifier + self._model
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = key.cipher.encrypt(nonce, prediction.pack(), clear + self._bound)
        return base64.urlsafe_b64encode(b"".join((clear, nonce, sealed))).rstrip(b"=").decode()

    def open(self, token: str) -> tuple[bytes, Prediction]:
        """Open a token; give the nonce, which no other token has, and what the answer was.

        Raises:
            Refused: Malformed, Foreign, UnknownKey or Forged.
        """
        raw = _raw(token)
        clear, nonce, sealed = raw[:CLEAR_BYTES], raw[CLEAR_BYTES:][:NONCE_BYTES], raw[CLEAR_BYTES + NONCE_BYTES :]
        if clear[-MODEL_BYTES:] != self._model:
            raise Refused("Foreign", "the token is of another model; send it to the model that gave it")
        key = self._keys.find(clear[1 : 1 + IDENTIFIER_BYTES])
        if key is None:
            raise Refused("UnknownKey", "the token's key was rotated away, or is not here yet; it cannot be opened")
        try:
            packed = key.cipher.decrypt(nonce, sealed, clear + self._bound)
        except InvalidTag:
            raise Refused("Forged", "the token was changed, or was not made by this model's servers") from None
        return nonce, Prediction.unpack(packed)


def _raw(token: str) -> bytes:
    if token == "omitted":  # noqa: S105  what answers of many rows have in a token's place
        raise Refused("Malformed", "'omitted' is no token: ask about at most 1,000 rows at a time to get one")
    if len(token) > LONGEST:
        raise Refused("Malformed", f"the token has {len(token)} characters; give it as the answer had it")
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused("Malformed", "the token is not base64url; give it as the answer had it") from None
    if len(raw) < CLEAR_BYTES + NONCE_BYTES + TAG_BYTES:
        raise Refused("Malformed", f"the token is cut short, {len(token)} characters; give all of it")
    if raw[:1] not in VERSIONS:
        raise Refused("Malformed", f"the token is of version {raw[0]}; this server knows 1 to {len(VERSIONS)}")
    return raw
