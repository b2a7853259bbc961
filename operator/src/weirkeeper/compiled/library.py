"""Finds the library that suits the processor, once a process."""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

VERSION: Final = 4
"""Of the functions that the library has; WEIRKEEPER_VERSION in library.h is the same."""
VARIABLE: Final = "WEIRKEEPER_KERNELS"
NONE: Final = "none"
GENERATIONS: Final[Mapping[str, frozenset[str]]] = {
    "x86-64-v2": frozenset({"cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    "x86-64-v3": frozenset({"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}),
}
"""What each level of x86-64 has beyond the former one (x86-64 psABI, section 3.1.1), in Linux' words: pni is SSE3, abm
has LZCNT. Without the second numpy itself does not run; wider registers than those of the third were no faster."""
PROCESSOR: Final = Path("/proc/cpuinfo")
MEND: Final = "build it by `make venv` in a checkout, or install the package anew"


class KernelsUnavailable(Exception):
    """The library that the environment demands cannot be had; the message says which can."""


def runnable(machine: str, flags: Iterable[str]) -> tuple[str, ...]:
    """Name the libraries that a processor can run, the fastest first; none for an architecture without any.

    `machine` is as `uname -m` says, `flags` as /proc/cpuinfo has them.
    """
    if machine == "aarch64":
        return ("aarch64",)
    if machine != "x86_64":
        return ()
    there, found = frozenset(flags), list[str]()
    for name, needed in GENERATIONS.items():
        if not needed <= there:
            break
        found.insert(0, name)
    return tuple(found)


def load(folder: Path, names: Sequence[str], wanted: str | None = None) -> ctypes.CDLL | None:
    """Load the first of the libraries `names` that lies in the folder, or the one that is wanted; None for `none`.

    Where there ought to be one and is none of this version, a warning says so and nothing is loaded.

    Raises:
        KernelsUnavailable: the wanted one is unknown, not for this processor, not there or of another version.
    """
    if wanted == NONE:
        return None
    if wanted is not None and wanted not in names:
        known = ", ".join([*names, NONE])
        raise KernelsUnavailable(f"{VARIABLE} is {wanted!r}; this machine can run: {known}. Unset, it takes the first")
    if not names:
        return None
    try:
        return _first(folder, names if wanted is None else [wanted])
    except OSError as error:
        if wanted is not None:
            raise KernelsUnavailable(f"{VARIABLE} is {wanted!r}: {error}") from None
        warnings.warn(f"nothing compiled is used, which is slower: {error}", RuntimeWarning, stacklevel=2)
        return None


def _first(folder: Path, names: Sequence[str]) -> ctypes.CDLL:
    paths = [folder / f"kernels-{name}.so" for name in names]
    path = next(filter(Path.exists, paths), None)
    if path is None:
        raise FileNotFoundError(f"{folder} has none of {', '.join(path.name for path in paths)}; {MEND}")
    library = ctypes.CDLL(str(path))
    version = _version(library)
    if version != VERSION:
        raise OSError(f"{path} is of version {version}, expected {VERSION}; {MEND}")
    return library


def _version(library: ctypes.CDLL) -> int | None:
    try:
        asked = library.weirkeeper_version
    except AttributeError:
        return None
    asked.argtypes, asked.restype = (), ctypes.c_int64
    return int(asked())


def _names_here() -> tuple[str, ...]:
    if sys.platform != "linux" or not _has_glibc():  # which the libraries are linked for
        return ()
    machine = os.uname().machine
    return runnable(machine, _flags() if machine == "x86_64" else ())


def _has_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (OSError, ValueError):
        return False


def _flags() -> list[str]:
    """Read what the first processor has; the others have the same, and are not asked: there may be hundreds."""
    try:
        with PROCESSOR.open("rb") as lines:
            found = next((line for line in lines if line.startswith(b"flags")), b"")
    except OSError:
        return []
    return found.decode("ascii", "replace").partition(":")[2].split()


LIBRARY: Final = load(Path(__file__).parent, _names_here(), os.environ.get(VARIABLE) or None)
"""The library of this process; None where there is none for the machine, or where `WEIRKEEPER_KERNELS=none` says so."""
