"""The commands of a model's owner: `bundle`, `digest` and `serve`, as subcommands of `weirkeeper`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weirkeeper_server.digest import digest_of
from weirkeeper_server.errors import ServerError

Command = Callable[[argparse.Namespace], int]
PICKLE_WARNING = (
    "weirkeeper: opening {path} runs whatever code it holds, as joblib.load does; go on only with a file of your own"
)


def add_parsers(subparsers: Any) -> None:
    """Add the subcommands; each sets `run`, a function from arguments to the exit status."""
    _add_bundle(subparsers.add_parser("bundle", help="make a bundle of a fitted estimator and sample rows"))
    digest = subparsers.add_parser("digest", help="print the sha256 that spec.artifact.sha256 takes")
    digest.add_argument("path", type=Path, help="an archive's file, or a bundle's folder")
    digest.set_defaults(run=print_digest)
    serve = subparsers.add_parser("serve", help="serve a bundle on this machine, as a pod would")
    serve.add_argument("bundle", type=Path, help="folder of the bundle")
    serve.add_argument("--model", default="model", help="name under which it is served")
    serve.add_argument("--revision", default="local", help="given as model_version")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on")
    serve.add_argument("--http-port", type=int, default=8080, help="port of the Open Inference Protocol")
    serve.add_argument("--grpc-port", type=int, default=8083, help="port of the same protocol over gRPC")
    serve.add_argument("--evidence-port", type=int, default=8081, help="port of evidence and metrics")
    serve.set_defaults(run=serve_here, drain_seconds=0.0)


def _add_bundle(parser: argparse.ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-skops", type=Path, metavar="FILE", help="estimator written by skops.io.dump")
    source.add_argument(
        "--from-joblib", type=Path, metavar="FILE", help="estimator in a pickle of your own: opening it runs its code"
    )
    parser.add_argument("--data", type=Path, required=True, metavar="CSV", help="rows like those it was trained on")
    parser.add_argument("--trusted-type", action="append", default=[], metavar="NAME", help="as artifact.trustedTypes")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder of the bundle")
    parser.set_defaults(run=make_bundle)


def make_bundle(arguments: argparse.Namespace) -> int:
    """Make a bundle from files; 1 where that cannot be done, with the reason on standard error."""
    try:
        from weirkeeper.bundling.errors import BundlingError  # noqa: PLC0415  the operator's image has no pandas
        from weirkeeper.bundling.maker import bundle  # noqa: PLC0415  see above
    except ModuleNotFoundError as error:
        return _failed(f"{error.name} is not installed; run: pip install 'weirkeeper[bundle]'")
    try:
        estimator = _estimator(arguments)
        made = bundle(estimator, _rows(arguments, estimator), path=arguments.out, trusted_types=arguments.trusted_type)
    except (BundlingError, ServerError, OSError) as error:
        return _failed(error)
    print(f"{made}  sha256 {digest_of(made)}")
    return 0


def _estimator(arguments: argparse.Namespace) -> Any:
    if arguments.from_skops:
        from weirkeeper_server import skops_file  # noqa: PLC0415  see make_bundle

        data = arguments.from_skops.read_bytes()
        return skops_file.load(data, arguments.from_skops.name, arguments.trusted_type)
    import joblib  # noqa: PLC0415  see make_bundle

    print(PICKLE_WARNING.format(path=arguments.from_joblib), file=sys.stderr)
    return joblib.load(arguments.from_joblib)


def _rows(arguments: argparse.Namespace, estimator: Any) -> Any:
    """Read the sample; as a matrix where the estimator was fitted without names."""
    import pandas as pd  # noqa: PLC0415  see make_bundle

    from weirkeeper.bundling.errors import UnsuitableSample  # noqa: PLC0415  see make_bundle

    try:
        frame = pd.read_csv(arguments.data)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UnsuitableSample(f"{arguments.data} is no CSV file: {error}") from error
    return frame if hasattr(estimator, "feature_names_in_") else frame.to_numpy()


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

    try:
        return serve(arguments)
    except ServerError as error:
        return _failed(error)


def _failed(error: Exception | str) -> int:
    print(f"weirkeeper: {error}", file=sys.stderr)
    return 1
