"""Make, use and remove the cluster of this checkout (CLUSTER=kind|local|current, CLUSTER_NAME=...)."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.cluster.errors import ClusterError
from tests.cluster.images import IMAGES
from tests.cluster.packaged import azurite, chromium, gunicorn_requests
from tests.cluster.programs import HELM, TOOLS, built, promtool
from tests.cluster.provider import Provider, choose


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="make the cluster, or repair it")
    up.add_argument("--control-plane-only", action="store_true", help="etcd and the API server alone: no pod runs")
    commands.add_parser("down", help="remove the cluster")
    commands.add_parser("status", help="say what runs; ends with 1 when something does not")
    commands.add_parser("kubeconfig", help="print the path of the kubeconfig")
    commands.add_parser("env", help="print KUBECONFIG and HELM for the shell: eval $(... env)")
    images = commands.add_parser("images", help="build and load the project's images; prints their full names as JSON")
    images.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(IMAGES)}; all when left out")
    images.add_argument("--arguments", action="store_true", help="print `--image NAME=IMAGE ...` instead")
    load = commands.add_parser("load", help="give an image to the cluster")
    load.add_argument("image", help="the name of a built image, or the path of an archive")
    logs = commands.add_parser("logs", help="print the end of a component's log")
    logs.add_argument("component", nargs="?", help="without it: the names")
    for verb in ("start", "stop"):
        single = commands.add_parser(verb, help=f"{verb} one component")
        single.add_argument("component")
    execute = commands.add_parser("exec", help="run a command in the cluster's network: exec -- COMMAND ARGUMENT ...")
    execute.add_argument("arguments", nargs=argparse.REMAINDER)
    tool = commands.add_parser("tool", help="print the path of a program, built first when it is not there")
    tool.add_argument("name", choices=[*PROGRAMS])
    return parser


def _status(cluster: Provider, _: argparse.Namespace) -> int:
    return 0 if cluster.status() else 1


def _environment(cluster: Provider, _: argparse.Namespace) -> None:
    for name, value in (("KUBECONFIG", cluster.kubeconfig), ("HELM", built(HELM))):
        print(f"export {name}={shlex.quote(str(value))}")


def _images(cluster: Provider, given: argparse.Namespace) -> None:
    full_names = cluster.images(given.names or tuple(IMAGES))
    arguments = " ".join(f"--image {name}={full_name}" for name, full_name in full_names.items())
    print(arguments if given.arguments else json.dumps(full_names, indent=1))


def _execute(cluster: Provider, given: argparse.Namespace) -> None:
    words = given.arguments[1:] if given.arguments[:1] == ["--"] else given.arguments
    command = cluster.command_inside(words)
    os.execvp(command[0], command)  # noqa: S606 -- the command is the user's own


def _tool(_: Provider, given: argparse.Namespace) -> None:
    print(PROGRAMS[given.name]())


PROGRAMS: dict[str, Callable[[], Path]] = {
    **{name: partial(built, module) for name, module in TOOLS.items()},
    "promtool": promtool,
    "azurite-blob": azurite,
    "chromium": chromium,
    "gunicorn-requests": gunicorn_requests,
}

COMMANDS: dict[str, Callable[[Provider, argparse.Namespace], int | None]] = {
    "up": lambda cluster, given: cluster.up(control_plane_only=given.control_plane_only),
    "down": lambda cluster, _: cluster.down(),
    "status": _status,
    "kubeconfig": lambda cluster, _: print(cluster.kubeconfig),
    "env": _environment,
    "images": _images,
    "load": lambda cluster, given: cluster.load(given.image),
    "logs": lambda cluster, given: print(cluster.logs(given.component)),
    "start": lambda cluster, given: cluster.start(given.component),
    "stop": lambda cluster, given: cluster.stop(given.component),
    "exec": _execute,
    "tool": _tool,
}


def main() -> int:
    given = _parser().parse_args()
    return COMMANDS[given.command](choose(), given) or 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClusterError as error:
        sys.exit(f"cluster: error: {error}")
    except KeyboardInterrupt:
        sys.exit("cluster: interrupted")
