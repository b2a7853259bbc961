"""The command line: `serve` a bundle, `fetch` an artifact before, or `probe` a server that is not ours."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from weirkeeper_server.errors import SettingsError

for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    # Single rows gain nothing from threads of their own, and pay for waking them; read when numpy is imported.
    os.environ.setdefault(_threads, "1")


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `serve` is told."""
    parser.add_argument("--bundle", type=Path, required=True, help="folder of the bundle")
    parser.add_argument("--model", required=True, help="name under which the model is served")
    parser.add_argument("--revision", required=True, help="its revision, given as model_version")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104  a pod's own address
    parser.add_argument("--http-port", type=int, default=8080, help="port of the Open Inference Protocol")
    parser.add_argument("--grpc-port", type=int, default=8083, help="port of the same protocol over gRPC")
    parser.add_argument("--evidence-port", type=int, default=8081, help="port of evidence and metrics")
    parser.add_argument("--drain-seconds", type=float, default=5.0, help="time that routers have to look elsewhere")


def serve(arguments: argparse.Namespace) -> int:
    """Run a server until it is told to stop."""
    from weirkeeper_server.process import run  # noqa: PLC0415  numpy after the number of threads is set
    from weirkeeper_server.settings import Settings, read_settings  # noqa: PLC0415

    given = {name: value for name, value in vars(arguments).items() if name in Settings.model_fields}
    run(read_settings(given, os.environ))
    return 0


def _fetch(arguments: argparse.Namespace) -> int:
    from weirkeeper_server.fetching.command import fetch  # noqa: PLC0415  the init container needs no numpy

    return fetch(arguments, os.environ)


def _probe(arguments: argparse.Namespace) -> int:
    from weirkeeper_server.beside import ProbeSettings  # noqa: PLC0415  others need no HTTP client
    from weirkeeper_server.beside_process import read_probe_settings, run  # noqa: PLC0415

    given = {name: value for name, value in vars(arguments).items() if name in ProbeSettings.model_fields}
    run(read_probe_settings(given, os.environ))
    return 0


def _add_probe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    probing = commands.add_parser("probe", help="send golden requests to a server, and tell the operator")
    probing.add_argument("--model", required=True, help="name under which the server knows its model")
    probing.add_argument("--revision", required=True, help="the revision that the server is of")
    probing.add_argument("--url", required=True, help="where the server answers, such as http://127.0.0.1:8080")
    probing.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104  a pod's own address
    probing.add_argument("--evidence-port", type=int, default=18081, help="port of evidence and metrics")
    probing.set_defaults(run=_probe)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="weirkeeper-server", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser("serve", help="serve the bundle in a folder")
    add_serve_arguments(serving)
    serving.add_argument("--workers", type=int, default=1, help="processes that serve behind the same ports")
    serving.set_defaults(run=serve)
    fetching = commands.add_parser("fetch", help="bring an artifact into a folder and verify it")
    fetching.add_argument(
        "--uri", required=True, help="configmap://NAME, pvc://CLAIM/PATH, https://…, s3://…, gs://… or az://…"
    )
    fetching.add_argument("--destination", type=Path, required=True, help="empty folder for the bundle")
    fetching.add_argument("--sha256", default="", help="the digest that it must have")
    fetching.add_argument("--mounted", type=Path, help="where the ConfigMap or claim is mounted")
    fetching.add_argument("--pin-file", type=Path, help="file with the digest that the first pod saw, if any")
    fetching.add_argument("--any-files", action="store_true", help="take what is no bundle: another server reads it")
    fetching.add_argument("--termination-log", type=Path, default=Path("/dev/termination-log"), help="for kubelet")
    fetching.set_defaults(run=_fetch)
    _add_probe(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a failure that was reported, 2 a wrong call."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except SettingsError as error:
        print(f"weirkeeper-server: {error}", file=sys.stderr)
        return 2
