"""The command `feedback`, as a subcommand of `weirkeeper`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from weirkeeper.client.feedback import BATCH_ROWS, batches, items_of
from weirkeeper.client.label_file import Progress, begun, read_rows, state_file
from weirkeeper.client.model_cli import add_command, add_portions, connection_of, exit_status, failed

_TOLD = """Send labels back to a served model, by the tokens that its answers had.

LABELS is a CSV file with the columns token, label and value (of the last two, one at least) and, where an answer had
several rows, row. Interrupted, the same command goes on where it ended: how far it came stands in LABELS.sent.json."""


def add_feedback_parser(subparsers: Any) -> None:
    """Add the subcommand; it sets `run`, a function from arguments to the exit status."""
    parser = add_command(subparsers, "feedback", "send labels back to a served model", _TOLD)
    parser.add_argument("labels", metavar="LABELS", type=Path, help="CSV file: token, row, label, value")
    add_portions(parser, "post", BATCH_ROWS)
    parser.set_defaults(run=send_file)


def send_file(arguments: argparse.Namespace) -> int:
    """Send a file; 1 where that cannot be done, 3 where rows were refused, both with reasons on standard error."""
    try:
        return exit_status(lambda given: _told(_sent(given)), arguments)
    except KeyboardInterrupt:
        return failed("interrupted; the same command goes on from here")


def _sent(arguments: argparse.Namespace) -> Progress:
    connection = connection_of(arguments)
    progress = begun(arguments.labels, connection.address)
    total = sum(1 for _ in read_rows(arguments.labels))
    left = islice(read_rows(arguments.labels), progress.rows, None)
    with _bar(total, progress.rows) as bar:
        for batch in batches(left, arguments.batch_rows):
            items = items_of(batch)
            progress.receipt.add(connection.feedback(items), progress.tokens)
            progress.rows += len(batch)
            progress.tokens += len(items)
            progress.save(state_file(arguments.labels))
            bar.update(len(batch))
    return progress


def _bar(total: int, done: int) -> Any:
    from tqdm import tqdm  # noqa: PLC0415  the operator's image has none

    return tqdm(total=total, initial=done, unit=" rows", desc="labels", file=sys.stderr)


def _told(progress: Progress) -> int:
    receipt = progress.receipt
    print(f"weirkeeper: of {progress.rows} rows {receipt.counted} counted, {receipt.refused.total()} refused")
    _lines(f"{count} {reason}" for reason, count in receipt.refused.most_common())
    _lines(receipt.messages)
    return 3 if receipt.refused else 0


def _lines(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"  {line}", file=sys.stderr)
