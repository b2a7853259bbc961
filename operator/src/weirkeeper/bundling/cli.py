"""The commands of a model's owner: `bundle`, `digest` and `serve`, as subcommands of `weirkeeper`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import ServerError

Command = Callable[[argparse.Namespace], int]
PICKLE_WARNING = (
    "weirkeeper: opening {path} runs whatever code it holds, as joblib.load does; go on only with a file of your own"
)

ROWS: Mapping[str, str] = {"HeldOut": "held out", "Sample": "of the sample, which the model may have learnt from"}


def add_parsers(subparsers: Any) -> None:
    """Add the subcommands; each sets `run`, a function from arguments to the exit status."""
    _add_bundle(subparsers.add_parser("bundle", help="make a bundle of a model and sample rows"))
    digest = subparsers.add_parser("digest", help="print the sha256 that spec.artifact.sha256 takes")
    digest.add_argument("path", type=Path, help="an archive's file, or a bundle's folder")
    digest.set_defaults(run=print_digest)
    serve = subparsers.add_parser("serve", help="serve a bundle on this machine, as a pod would, with a page")
    serve.add_argument("bundle", type=Path, help="folder of the bundle")
    serve.add_argument("--model", default="model", help="name under which it is served")
    serve.add_argument("--revision", default="local", help="given as model_version")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--http-port", type=int, default=8080, help="port of the Open Inference Protocol")
    serve.add_argument("--grpc-port", type=int, default=8083, help="port of the same protocol over gRPC")
    serve.add_argument("--evidence-port", type=int, default=8081, help="port of evidence and metrics")
    serve.set_defaults(run=serve_here, drain_seconds=0.0, page=True)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-skops", type=Path, metavar="FILE", help="estimator written by skops.io.dump")
    source.add_argument(
        "--from-joblib", type=Path, metavar="FILE", help="estimator in a pickle of your own: opening it runs its code"
    )
    source.add_argument("--from-onnx", type=Path, metavar="FILE", help="ONNX model without external data")
    parser.add_argument("--data", type=Path, required=True, metavar="CSV", help="rows like those it was trained on")
    parser.add_argument("--label", metavar="COLUMN", help="column of the CSV that holds the labels: measures metrics")
    parser.add_argument(
        "--held-out", type=Path, metavar="CSV", help="labelled rows kept from the training, for metrics"
    )
    parser.add_argument("--trusted-type", action="append", default=[], metavar="NAME", help="as artifact.trustedTypes")
    parser.add_argument(
        "--sensitive", action="append", default=[], metavar="COLUMN", help="column of which no value may be kept"
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the bundle")
    parser.set_defaults(run=make_bundle)


def make_bundle(arguments: argparse.Namespace) -> int:
    """Make a bundle from files; 1 where that cannot be done, with the reason on standard error."""
    try:
        from weirkeeper.bundling.errors import BundlingError  # noqa: PLC0415  the operator's image has no pandas
        from weirkeeper.bundling.files import bundle_of  # noqa: PLC0415  see above
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed; run: pip install 'weirkeeper[bundle]'")
    if arguments.from_joblib:
        print(PICKLE_WARNING.format(path=arguments.from_joblib), file=sys.stderr)
    try:
        made, measured = bundle_of(arguments)
    except (BundlingError, ServerError, OSError) as error:
        return _failed(error)
    for metric in measured:
        print(
            f"{metric.metric:<10}{metric.value:>10.4f}  95 % from {metric.low:.4f} to {metric.high:.4f} "
            f"({metric.interval}, {metric.rows} rows, {ROWS[metric.measured_on]})"
        )
    print(f"{made}  sha256 {digest_of(made)}")
    return 0


def print_digest(arguments: argparse.Namespace) -> int:
    """Print the digest of a file or a folder."""
    try:
        print(digest_of(arguments.path))
    except OSError as error:
        return _failed(error)
    return 0


def serve_here(arguments: argparse.Namespace) -> int:
    """Run the model server until Ctrl-C."""
    from weirkeeper_server.cli import serve  # noqa: PLC0415  it sets the number of threads

    print(f"weirkeeper: the model's page is http://{arguments.host}:{arguments.http_port}/", file=sys.stderr)
    try:
        return serve(arguments)
    except ServerError as error:
        return _failed(error)


def _failed(error: Exception | str) -> int:
    print(f"weirkeeper: {error}", file=sys.stderr)
    return 1
