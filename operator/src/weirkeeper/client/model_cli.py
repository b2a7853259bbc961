"""What the commands that ask a served model share: which model, in what portions, and how a failure is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

from weirkeeper.client.connection import TIMEOUT, Connection, address_of
from weirkeeper.client.errors import AskingError

_WHERE: Final = """
MODEL is a URL such as http://localhost:8080/v2/models/churn, or a Model's name. A name is looked for at --url, or at
its Service in the cluster (http://NAME, with --namespace http://NAME.NAMESPACE.svc), which only works inside the
cluster: nothing is forwarded. From outside, give the URL of the gateway before it, or run
`kubectl port-forward service/NAME 8080:80` and give --url http://localhost:8080."""


def add_command(subparsers: Any, name: str, summary: str, told: str) -> argparse.ArgumentParser:
    """Add a subcommand whose first argument is the model; `summary` is its line in the list, `told` its description."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=f"{told}\n{_WHERE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="a URL, or a Model's name")
    parser.add_argument("--url", help="where a Model of that name is served, such as http://localhost:8080")
    parser.add_argument("--namespace", help="the Model's namespace, when asked from another one of the cluster")
    return parser


def add_portions(parser: argparse.ArgumentParser, what: str, rows: int) -> None:
    """Add how many rows go into one `what`, and how many seconds it may take."""
    parser.add_argument("--batch-rows", type=int, default=rows, help=f"rows in one {what} (default: {rows})")
    parser.add_argument("--timeout", type=float, default=TIMEOUT, help=f"seconds for one {what} (default: {TIMEOUT:g})")


def connection_of(arguments: argparse.Namespace) -> Connection:
    """The model that the arguments name.

    Raises:
        UnusableAddress: they name none.
    """
    return Connection(address_of(arguments.model, arguments.url, arguments.namespace), arguments.timeout)


def exit_status(work: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Do the work; give its status, or 1 where it cannot be done, with the reason on standard error."""
    try:
        return work(arguments)
    except ModuleNotFoundError as error:
        return failed(f"{error.name} is not installed; run: pip install 'weirkeeper[bundle]'")
    except (AskingError, OSError) as error:
        return failed(error)


def failed(error: Exception | str) -> int:
    """Tell an error on standard error; give the status of a failure."""
    print(f"weirkeeper: {error}", file=sys.stderr)
    return 1
