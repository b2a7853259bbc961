"""The command `kubectl weirkeeper`, which kubectl finds as `kubectl-weirkeeper` on the PATH."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from weirkeeper.api.names import FREEZE_ANNOTATION, VERBS
from weirkeeper.plugin import following, telling
from weirkeeper.plugin.asking import ask
from weirkeeper.plugin.differing import difference
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import Kubectl
from weirkeeper.plugin.linting import Known, lint
from weirkeeper.plugin.traffic import Traffic, traffic_of
from weirkeeper_server.digest import digest_of

REFUSED = 1
FAILED = 2
UNKNOWN = 3

WATCH_SECONDS = 1.0

_KUBECTLS = ("namespace", "context", "kubeconfig")
"""Options that are handed on to kubectl."""

_VERBS: Mapping[str, str] = {
    "promote": "approve a step that waits for it; otherwise go to production past steps and gates",
    "pause": "hold the attempt where it is",
    "resume": "end a pause",
    "skip": "leave the step in force without its hold and gates",
    "abort": "take the candidate's traffic away at once",
    "retry": "give a rejected revision another attempt",
    "undo": "go back to the revision promoted before",
}
_TOLD = """Verbs and views for Weirkeeper's Models.

NAME is a Model's name. Exit codes: 0 done; 1 the operator refused the verb, lint found errors, or something is amiss
with a Model that one asks why of; 2 the command failed; 3 too little is known to say why."""


_LINTS = "check Models, Rollouts and Monitors in a file, without a cluster unless --live asks one for the traffic"


_DIGESTS = "print the sha256 of an artifact that spec.artifact.sha256 takes, without a cluster"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; gives the process's exit code."""
    given = _parser().parse_args(arguments)
    options = [f"--{name}={value}" for name in _KUBECTLS if (value := getattr(given, name, None))]
    try:
        return int(given.run(Kubectl(options), given))
    except PluginError as error:
        print(f"kubectl weirkeeper: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="kubectl weirkeeper", description=_TOLD, formatter_class=formatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for verb in VERBS:
        command = _command(commands, verb, _VERBS[verb], _verb)
        command.add_argument("--reason", default="", help="why, kept with the outcome")
        command.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for an answer (default: 30)")
        command.set_defaults(verb=verb)
    freeze = _options(
        commands, "freeze", "stop all promotions in the namespace; aborts and roll backs still act", _freeze
    )
    freeze.add_argument("--reason", default="", help="why, shown with every Model of the namespace")
    _options(commands, "unfreeze", "allow promotions in the namespace again", _unfreeze)
    status = _command(commands, "status", "where the Model is: revisions, weights, gates with their evidence", _status)
    status.add_argument("-w", "--watch", action="store_true", help="keep it open and up to date")
    status.add_argument("-o", "--output", choices=["text", "json"], default="text", help="text or the status as JSON")
    history = _command(commands, "history", "the attempts, the latest first", _history)
    history.add_argument(
        "-o", "--output", choices=["text", "json"], default="text", help="text, or all details as JSON"
    )
    report = _command(commands, "report", "everything about the Model as one page with pictures, in HTML", _report)
    report.add_argument("-o", "--output", required=True, metavar="FILE", help="where to write it")
    _command(commands, "explain", "why the Model's rollout is where it is, in sentences", _explain)
    _why_command(commands)
    diff = _command(commands, "diff", "what changed between two revisions", _diff)
    diff.add_argument("first", metavar="A", help="a revision, as the history names it")
    diff.add_argument("second", metavar="B", help="another one")
    _file_commands(commands)
    return parser


def _file_commands(commands: Any) -> None:
    lint = _options(commands, "lint", _LINTS, _lint)
    lint.add_argument("file", metavar="FILE", help="a YAML file of objects; - reads standard input")
    rate = lint.add_mutually_exclusive_group()
    rate.add_argument("--rate", type=_positive, help="requests a second, to say how long an attempt takes")
    rate.add_argument("--live", action="store_true", help="take that of the Model in the cluster, now or of late")
    lint.add_argument("-o", "--output", choices=["text", "json"], default="text", help="text or JSON")
    digest = commands.add_parser("digest", help=_DIGESTS, description=_DIGESTS)
    digest.add_argument("path", type=Path, metavar="PATH", help="an archive's file, or a bundle's folder")
    digest.set_defaults(run=_digest)


def _why_command(commands: Any) -> None:
    told = "what is the matter with the Model: data, concept, model or system, from the evidence that there is"
    why = _command(commands, "why", told, _why)
    why.add_argument("-o", "--output", choices=["text", "json"], default="text", help="text or JSON")
    why.add_argument("--seconds", type=_positive, default=5.0, help="how long its pods are watched (default: 5)")
    why.add_argument("--prometheus", default="", metavar="URL", help="a Prometheus that knows what the Model asks")
    why.add_argument(
        *("--dependency", "-d"),
        action="append",
        default=[],
        type=_named_query,
        metavar="NAME=QUERY",
        help="how long something takes that the Model asks, in seconds; may be given several times",
    )


def _named_query(text: str) -> tuple[str, str]:
    name, _, query = text.partition("=")
    if not name or not query:
        raise argparse.ArgumentTypeError(f"{text} is no dependency; give NAME=QUERY, a query in PromQL for seconds")
    return name, query


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} will not do; give a number above 0")
    return number


def _command(commands: Any, name: str, told: str, run: Any) -> argparse.ArgumentParser:
    parser = _options(commands, name, told, run)
    parser.add_argument("name", metavar="NAME", help="the Model's name")
    return parser


def _options(commands: Any, name: str, told: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=told, description=told)
    parser.add_argument("-n", "--namespace", help="its namespace (default: that of the context)")
    parser.add_argument("--context", help="kubectl's context")
    parser.add_argument("--kubeconfig", help="kubectl's configuration file")
    parser.set_defaults(run=run)
    return parser


def _verb(kubectl: Kubectl, given: argparse.Namespace) -> int:
    answer = ask(kubectl, given.verb, given.name, given.reason, given.timeout)
    _say(answer.notes)
    return REFUSED if answer.refused else 0


def _freeze(kubectl: Kubectl, given: argparse.Namespace) -> int:
    namespace = kubectl.namespace()
    kubectl("annotate", "namespace", namespace, "--overwrite", f"{FREEZE_ANNOTATION}={given.reason or 'true'}")
    print(f"nothing is promoted in namespace {namespace} until: kubectl weirkeeper unfreeze -n {namespace}")
    return 0


def _unfreeze(kubectl: Kubectl, _: argparse.Namespace) -> int:
    namespace = kubectl.namespace()
    kubectl("annotate", "namespace", namespace, f"{FREEZE_ANNOTATION}-")
    print(f"the annotation that froze namespace {namespace} is gone; the chart's value freeze may still hold")
    return 0


def _status(kubectl: Kubectl, given: argparse.Namespace) -> int:
    if given.output == "json":
        if given.watch:
            following.json_lines(lambda: kubectl.model(given.name), WATCH_SECONDS)
        else:
            print(json.dumps(following.told(kubectl.model(given.name)), indent=2))
        return 0
    try:
        from rich.console import Console  # noqa: PLC0415  only this command draws

        from weirkeeper.plugin import screen  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise PluginError(f"{error.name} is not installed; run: pip install 'weirkeeper[plugin]'") from None
    console = Console()
    if given.watch:
        screen.watch(lambda: kubectl.model(given.name), console, WATCH_SECONDS)
    elif console.is_terminal:
        console.print(screen.drawn(kubectl.model(given.name)))
    else:
        print("\n".join(telling.plain(kubectl.model(given.name))))
    return 0


def _history(kubectl: Kubectl, given: argparse.Namespace) -> int:
    attempts = _attempts(kubectl, given.name)
    if given.output == "json":
        print(json.dumps(attempts, indent=2))
    else:
        rows = telling.history(attempts)
        _columns([("ATTEMPT", "REVISION", "STARTED", "OUTCOME", "EXPOSED", "REASON"), *rows])
    return 0


def _attempts(kubectl: Kubectl, model: str) -> list[Mapping[str, Any]]:
    return telling.all_attempts(kubectl.model(model).get("status", {}), kubectl.records_of(model))


def _columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows, whose columns but the last are as wide as what is in them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    whole = all(sum(widths) + 3 * len(widths) + len(row[-1]) <= (_columns_of_terminal() or math.inf) for row in rows)
    for row in rows:
        head = "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=False))
        # Where a terminal has not room for all in a line, what the last column says follows below.
        _say([f"{head}   {row[-1]}"] if whole else [head, *([f"  {row[-1]}"] if row[-1] else [])])


def _say(lines: Iterable[str]) -> None:
    """Print lines; a terminal gets them broken between words."""
    width = _columns_of_terminal()
    for line in lines:
        print(_broken(line.rstrip(), width) if width else line.rstrip())


def _columns_of_terminal() -> int:
    """How many characters a line of the terminal has; 0 without one."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0


def _broken(line: str, width: int) -> str:
    """Break a line between words alone: what is copied from it, as a name or a command's path, stays whole."""
    return textwrap.fill(line, width, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)


def _report(kubectl: Kubectl, given: argparse.Namespace) -> int:
    from weirkeeper.plugin.reporting import write_report  # noqa: PLC0415  other commands need no numpy

    write_report(kubectl, given.name, Path(given.output), time.time())
    return 0


def _explain(kubectl: Kubectl, given: argparse.Namespace) -> int:
    _say(telling.explain(kubectl.model(given.name)))
    return 0


def _why(kubectl: Kubectl, given: argparse.Namespace) -> int:
    from weirkeeper.diagnosis.diagnosing import sentences  # noqa: PLC0415  other commands need no numpy
    from weirkeeper.plugin.why import Asked, as_json, why  # noqa: PLC0415  the same

    if given.dependency and not given.prometheus:
        raise PluginError("--dependency needs --prometheus URL, where its query is asked")
    asked = Asked(given.seconds, given.prometheus, dict(given.dependency))
    evidence, diagnosis = why(kubectl, given.name, asked, time.time(), time.sleep)
    if given.output == "json":
        print(json.dumps(as_json(evidence, diagnosis), indent=2))
    else:
        _say(sentences(evidence, diagnosis))
    return {"Well": 0, "Amiss": REFUSED, "Unknown": UNKNOWN}[diagnosis.verdict]


def _diff(kubectl: Kubectl, given: argparse.Namespace) -> int:
    lines = difference(kubectl.records_of(given.name), given.first, given.second)
    print("\n".join(lines) or f"{given.first} and {given.second} do not differ")
    from weirkeeper.plugin.reporting import measured  # noqa: PLC0415  other commands need no numpy

    rows = measured(kubectl, given.name, _attempts(kubectl, given.name), (given.first, given.second))
    if rows:
        print()
        _columns([("MEASURED", given.first, given.second), *rows])
    return 0


def _lint(kubectl: Kubectl, given: argparse.Namespace) -> int:
    try:
        text = sys.stdin.read() if given.file == "-" else Path(given.file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PluginError(f"{given.file} cannot be read: {error}") from None
    found = lint(text, _traffic(kubectl, given))
    if given.output == "json":
        print(json.dumps([vars(finding) for finding in found], indent=2))
    else:
        for finding in found:
            _say([f"{finding.level}: {finding.subject}: {finding.message}"])
    return REFUSED if any(finding.level == "error" for finding in found) else 0


def _traffic(kubectl: Kubectl, given: argparse.Namespace) -> Known | None:
    if given.rate is not None:
        return lambda _namespace, _model: Traffic(given.rate, "")
    if not given.live:
        return None
    return lambda namespace, model: traffic_of(kubectl.inside(namespace) if namespace else kubectl, model)


def _digest(_: Kubectl, given: argparse.Namespace) -> int:
    try:
        print(digest_of(given.path))
    except OSError as error:
        raise PluginError(f"{given.path} cannot be read: {error.strerror}") from None
    return 0
