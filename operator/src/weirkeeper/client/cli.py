"""The command `predict`, as a subcommand of `weirkeeper`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from weirkeeper.api.bundle import Signature

_TOLD = """Ask a served model about the rows of a CSV file and write its answers as CSV.

MODEL is a URL such as http://localhost:8080/v2/models/churn, or a Model's name. A name is looked for at --url, or at
its Service in the cluster (http://NAME, with --namespace http://NAME.NAMESPACE.svc), which only works inside the
cluster: nothing is forwarded. From outside, give the URL of the gateway before it, or run
`kubectl port-forward service/NAME 8080:80` and give --url http://localhost:8080."""


def add_parser(subparsers: Any) -> None:
    """Add the subcommand; it sets `run`, a function from arguments to the exit status."""
    parser = subparsers.add_parser(
        "predict",
        help="ask a served model about the rows of a CSV file",
        description=_TOLD,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a URL, or a Model's name")
    parser.add_argument("data", metavar="CSV", type=Path, help="rows with a header; columns by the inputs' names")
    parser.add_argument("--url", help="where a Model of that name is served, such as http://localhost:8080")
    parser.add_argument("--namespace", help="the Model's namespace, when asked from another one of the cluster")
    parser.add_argument("--output", action="append", default=[], metavar="NAME", help="only this output; repeatable")
    parser.add_argument("--batch-rows", type=int, default=1000, help="rows in one request (default: 1000)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for one request (default: 30)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write; standard output otherwise")
    parser.set_defaults(run=predict_file)


def predict_file(arguments: argparse.Namespace) -> int:
    """Ask about a file, some rows at a time; 1 where that cannot be done, with the reason on standard error."""
    from weirkeeper.client.errors import AskingError  # noqa: PLC0415  the operator's image has no pandas

    revisions: Counter[str] = Counter()
    try:
        for number, answers in enumerate(_answers(arguments)):
            revisions.update(answers.attrs["revisions"])
            text = answers.to_csv(index=False, header=number == 0)
            _write(arguments.out, text, first=number == 0)
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed; run: pip install 'weirkeeper[bundle]'")
    except (AskingError, OSError) as error:
        return _failed(error)
    told = ", ".join(f"{count} by {revision}" for revision, count in sorted(revisions.items()))
    print(f"weirkeeper: {revisions.total()} rows answered: {told}", file=sys.stderr)
    return 0


def _answers(arguments: argparse.Namespace) -> Iterator[pd.DataFrame]:
    from weirkeeper.client.asking import ask  # noqa: PLC0415  see predict_file
    from weirkeeper.client.connection import Connection, address_of  # noqa: PLC0415  see predict_file

    connection = Connection(address_of(arguments.model, arguments.url, arguments.namespace), arguments.timeout)
    signature = connection.signature()
    for chunk in _chunks(arguments.data, signature, max(1, arguments.batch_rows)):
        yield ask(connection, signature, chunk, arguments.output, arguments.batch_rows)


def _chunks(file: Path, signature: Signature, rows: int) -> Iterator[pd.DataFrame]:
    """Read some rows at a time; a column that the model takes as strings is read as such, `007` stays `007`."""
    import pandas as pd  # noqa: PLC0415  see predict_file

    from weirkeeper.client.errors import UnfitRows  # noqa: PLC0415  see predict_file

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


def _failed(error: Exception | str) -> int:
    print(f"weirkeeper: {error}", file=sys.stderr)
    return 1
