"""The command `predict`, as a subcommand of `weirkeeper`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weirkeeper.client.connection import BATCH_ROWS
from weirkeeper.client.errors import UnfitRows
from weirkeeper.client.model_cli import add_command, add_portions, connection_of, exit_status

if TYPE_CHECKING:
    import pandas as pd

    from weirkeeper.api.bundle import Signature


def add_parser(subparsers: Any) -> None:
    """Add the subcommand; it sets `run`, a function from arguments to the exit status."""
    parser = add_command(
        subparsers,
        "predict",
        "ask a served model about the rows of a CSV file",
        "Ask a served model about the rows of a CSV file and write its answers as CSV.",
    )
    parser.add_argument("data", metavar="CSV", type=Path, help="rows with a header; columns by the inputs' names")
    parser.add_argument("--output", action="append", default=[], metavar="NAME", help="only this output; repeatable")
    add_portions(parser, "request", BATCH_ROWS)
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write; standard output otherwise")
    parser.set_defaults(run=predict_file)


def predict_file(arguments: argparse.Namespace) -> int:
    """Ask about a file, some rows at a time; 1 where that cannot be done, with the reason on standard error."""
    return exit_status(_predict, arguments)


def _predict(arguments: argparse.Namespace) -> int:
    revisions: Counter[str] = Counter()
    for number, answers in enumerate(_answers(arguments)):
        revisions.update(answers.attrs["revisions"])
        text = answers.to_csv(index=False, header=number == 0)
        _write(arguments.out, text, first=number == 0)
    told = ", ".join(f"{count} by {revision}" for revision, count in sorted(revisions.items()))
    print(f"weirkeeper: {revisions.total()} rows answered: {told}", file=sys.stderr)
    return 0


def _answers(arguments: argparse.Namespace) -> Iterator[pd.DataFrame]:
    from weirkeeper.client.asking import ask  # noqa: PLC0415  the operator's image has no pandas

    connection = connection_of(arguments)
    signature = connection.signature()
    for chunk in _chunks(arguments.data, signature, max(1, arguments.batch_rows)):
        yield ask(connection, signature, chunk, arguments.output, arguments.batch_rows)


def _chunks(file: Path, signature: Signature, rows: int) -> Iterator[pd.DataFrame]:
    """Read some rows at a time; a column that the model takes as strings is read as such, `007` stays `007`."""
    import pandas as pd  # noqa: PLC0415  see _answers

    strings = {tensor.name: str for tensor in signature.inputs if tensor.datatype == "BYTES"}
    try:
        with pd.read_csv(file, dtype=strings, chunksize=rows) as reader:
            yield from reader
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UnfitRows(f"{file} is no CSV file: {error}") from None


def _write(file: Path | None, text: str, *, first: bool) -> None:
    if file is None:
        print(text, end="")
        return
    with file.open("w" if first else "a") as out:
        out.write(text)
