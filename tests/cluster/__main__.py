"""The command line: `python3 -m tests.cluster COMMAND`."""

import argparse
import os
import sys
from pathlib import Path

from tests.cluster import imagestore, local, processes
from tests.cluster.errors import ClusterError
from tests.cluster.places import place_of_checkout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="make the cluster, or repair it")
    up.add_argument("--control-plane-only", action="store_true", help="etcd and the API server alone: no pod runs")
    commands.add_parser("down", help="remove the cluster")
    commands.add_parser("status", help="say what runs; ends with 1 when something does not")
    commands.add_parser("kubeconfig", help="print the path of the kubeconfig")
    load = commands.add_parser("load", help="give an image to the cluster")
    load.add_argument("image", help="the name of a built image, or the path of an archive")
    logs = commands.add_parser("logs", help="print the end of a component's log")
    logs.add_argument("component", nargs="?", help="without it: the names")
    for verb in ("start", "stop"):
        single = commands.add_parser(verb, help=f"{verb} one component")
        single.add_argument("component")
    execute = commands.add_parser("exec", help="run a command in the cluster's network")
    execute.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    place = place_of_checkout()
    match arguments.command:
        case "up":
            local.up(place, control_plane_only=arguments.control_plane_only)
        case "down":
            local.down(place)
        case "status":
            return 0 if local.status(place) else 1
        case "kubeconfig":
            local.require_up(place)
            print(place.kubeconfig)
        case "load":
            local.require_up(place)
            archive = Path(arguments.image)
            imagestore.load_archive(place, archive) if archive.is_file() else imagestore.load(place, arguments.image)
        case "logs":
            names = [arguments.component] if arguments.component else []
            print(processes.log_tail(place, names[0]) if names else "\n".join(local.log_names(place)))
        case "start":
            local.start(place, arguments.component)
        case "stop":
            local.stop(place, arguments.component)
        case "exec":
            command = local.command_inside(place, [part for part in arguments.arguments if part != "--"])
            os.execvp(command[0], command)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ClusterError as error:
        sys.exit(f"cluster: error: {error}")
    except KeyboardInterrupt:
        sys.exit("cluster: interrupted")
