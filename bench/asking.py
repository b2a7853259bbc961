"""What a benchmark is asked for on its command line: the same words for all of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import NamedTuple


class Asked(NamedTuple):
    """`quick` asks for a first look, `publish` to renew the page of the documentation."""

    quick: bool
    publish: bool


def asked(program: str, about: str | None, arguments: Sequence[str]) -> Asked:
    """Read the arguments; ends with help, or with what is wrong with them, as argparse does."""
    quick = os.environ.get("BENCH_QUICK", "") not in ("", "0")
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=about)
    parser.add_argument("--quick", action="store_true", default=quick, help="a first look; so does BENCH_QUICK=1")
    parser.add_argument("--publish", action="store_true", help="renew the page of the documentation")
    found = parser.parse_args(arguments)
    if found.quick and found.publish:
        parser.error("--publish takes a whole run: leave out --quick, and unset BENCH_QUICK")
    return Asked(found.quick, found.publish)
