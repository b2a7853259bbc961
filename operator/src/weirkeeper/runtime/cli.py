"""The command `weirkeeper`: the operator, the router's agent, the CRDs, and what owners of models use."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weirkeeper.api.names import ENVOY_DIRECTORY, OPERATOR_PORT
from weirkeeper.client.cli import add_parser as add_client_parser
from weirkeeper.client.feedback_cli import add_feedback_parser
from weirkeeper.comparison.cli import add_drift_parser
from weirkeeper.runtime.errors import Unusable

UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; gives the process's exit code."""
    parser = _parser()
    given, rest = parser.parse_known_args(arguments)
    if rest and given.run is not _crds:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    given.rest = rest
    try:
        code = given.run(given)
    except Unusable as error:
        print(f"weirkeeper: {error}", file=sys.stderr)
        return UNUSABLE
    return int(code or 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="weirkeeper", description=__doc__)
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_operator(commands)
    _add_router(commands)
    crds = commands.add_parser("crds", help="write the custom resource definitions, or check them", add_help=False)
    crds.set_defaults(run=_crds)
    _add_bundling(commands)
    add_client_parser(commands)
    add_feedback_parser(commands)
    add_drift_parser(commands)
    return parser


def _add_operator(commands: Any) -> None:
    parser = commands.add_parser("operator", help="run the operator")
    parser.add_argument("--settings", type=Path, required=True, help="the settings file that the chart makes")
    parser.add_argument("--namespace", help="namespace of the Lease (default: that of the pod)")
    parser.add_argument("--lease", default="weirkeeper-operator", help="name of the Lease")
    parser.add_argument("--port", type=int, default=OPERATOR_PORT, help="port of probes and metrics")
    parser.add_argument("--resync-seconds", type=float, default=300.0, help="time between two lists of everything")
    parser.set_defaults(run=_operator)


def _add_router(commands: Any) -> None:
    for name, run, told in (
        ("router-agent", _router_agent, "run the agent beside Envoy"),
        ("router-bootstrap", _router_bootstrap, "write the configuration with which Envoy starts"),
    ):
        parser = commands.add_parser(name, help=told)
        parser.add_argument("--directory", type=Path, default=Path(ENVOY_DIRECTORY), help="where Envoy's files lie")
        parser.set_defaults(run=run)


def _add_bundling(commands: Any) -> None:
    """Add `bundle` and `digest`; where what they need is not installed, they say so."""
    try:
        from weirkeeper.bundling.cli import add_parsers  # noqa: PLC0415 - needs the extra `bundle`
    except ImportError as error:
        for name in ("bundle", "digest"):
            parser = commands.add_parser(name, help="needs: pip install 'weirkeeper[bundle]'")
            parser.add_argument("ignored", nargs=argparse.REMAINDER)
            parser.set_defaults(run=_without_extra, missing=error.name)
    else:
        add_parsers(commands)


def _without_extra(given: argparse.Namespace) -> int:
    raise Unusable(f"{given.missing} is not installed; run: pip install 'weirkeeper[bundle]'")


def _operator(given: argparse.Namespace) -> int:
    from weirkeeper.kube.errors import NoAccess  # noqa: PLC0415 - only this command needs the clients
    from weirkeeper.runtime.logs import configure  # noqa: PLC0415
    from weirkeeper.runtime.operator import run_operator  # noqa: PLC0415
    from weirkeeper.runtime.settings import OperatorOptions, load_settings, own_name, own_namespace  # noqa: PLC0415

    options = OperatorOptions(
        settings=load_settings(given.settings),
        namespace=own_namespace(given.namespace),
        pod=own_name(),
        lease=given.lease,
        port=given.port,
        resync_seconds=given.resync_seconds,
    )
    configure(given.log_level)
    try:
        return asyncio.run(run_operator(options))
    except NoAccess as error:
        raise Unusable(str(error)) from error


def _router_agent(given: argparse.Namespace) -> None:
    from weirkeeper.kube.errors import NoAccess  # noqa: PLC0415 - only this command needs them
    from weirkeeper.runtime.agent import run_router_agent  # noqa: PLC0415
    from weirkeeper.runtime.logs import configure  # noqa: PLC0415

    configure(given.log_level)
    try:
        asyncio.run(run_router_agent(_router_options(given)))
    except NoAccess as error:
        raise Unusable(str(error)) from error


def _router_bootstrap(given: argparse.Namespace) -> None:
    from weirkeeper.router.bootstrapping import bootstrap  # noqa: PLC0415 - only this command needs it

    bootstrap(_router_options(given, anywhere=True))


def _router_options(given: argparse.Namespace, *, anywhere: bool = False) -> Any:
    from weirkeeper.router.options import RouterOptions  # noqa: PLC0415 - only the router needs it
    from weirkeeper.runtime.settings import own_name, own_namespace  # noqa: PLC0415

    timeout = os.environ.get("WEIRKEEPER_ROUTE_TIMEOUT", "15")
    try:
        seconds = float(timeout)
    except ValueError as error:
        raise Unusable(f"WEIRKEEPER_ROUTE_TIMEOUT is {timeout!r}; expected seconds, such as 15") from error
    namespace = os.environ.get("POD_NAMESPACE", "") if anywhere else own_namespace(None)
    return RouterOptions(namespace=namespace, pod=own_name(), directory=given.directory, route_timeout=seconds)


def _crds(given: argparse.Namespace) -> int:
    from weirkeeper.runtime import cli_crds  # noqa: PLC0415 - only this command needs it

    return cli_crds.main(given.rest)
