"""Recognising pickles by their first and last bytes, so that none is ever opened."""

from __future__ import annotations

from typing import Final

from weirkeeper.api.bundle import MODEL_FILES
from weirkeeper_server.errors import BundleError

ZIP_MAGIC: Final = b"PK\x03\x04"
LOOKED_AT: Final = 16
"""Bytes at either end of a file that tell."""

_BINARY: Final = b"\x80"
_COMPRESSED: Final = (
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"x\x01",
    b"x^",
    b"x\x9c",
    b"x\xda",
    b"\x04\x22M\x18",
    b"]\x00\x00",
)
_TEXT: Final = frozenset(b"c(]}ISVFKGMJLN")
_STOP: Final = b"."
SUFFIXES: Final = (".pkl", ".pickle", ".joblib", ".pkl.gz", ".joblib.gz")
ADVICE: Final = (
    "which can run any code and is never opened here; convert it where it is trusted: weirkeeper bundle --from-joblib"
)


def refuse_pickle(head: bytes, tail: bytes, name: str) -> None:
    """Refuse a model's file that its first bytes (`head`) and last bytes (`tail`) show to be a pickle.

    joblib compresses with zlib, gzip, bz2, lzma or lz4; protocols 0 and 1 have no magic number. A skops file must
    also be a zip archive; whether `model.onnx` is an ONNX model, its parser tells.

    Raises:
        BundleError: PickleRefused or NotABundle.
    """
    onnx = name == MODEL_FILES["ONNX"]
    if head.startswith(ZIP_MAGIC) and not onnx:
        return
    text = head[:1] != b"" and head[0] in _TEXT and tail.rstrip().endswith(_STOP) and not onnx
    if text or head.startswith((_BINARY, *_COMPRESSED)):
        raise BundleError("PickleRefused", f"{name} is a pickle, {ADVICE}")
    if not onnx:
        raise BundleError("NotABundle", f"{name} is no skops file (no zip archive); make it with `weirkeeper bundle`")
