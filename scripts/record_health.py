#!/usr/bin/env python3
"""`scripts/record_health.py`: take the statuses of tests/unit/gitops/seen.json anew, as a real cluster has them.

It follows the Models, Rollouts and Monitors of the cluster that `kubectl` is set to, until one was seen to stand in
each of the file's ways, or it is interrupted. Run it while `tests/e2e` run on that cluster. A way to stand is a kind,
a phase, and the status and reason of each condition; a new one begins as an entry with these alone. The exit code is
1 where one was not seen.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).resolve().parents[1] / "tests" / "unit" / "gitops" / "seen.json"
PATH: Final = "/apis/weirkeeper.dev/v1alpha1/{kind}s?watch=true"
KEPT: Final = ("observedGeneration", "phase", "message", "conditions")
TOLD: Final = ("type", "status", "reason", "message")

Object = Mapping[str, Any]


def main() -> int:
    """Follow the cluster; say what is seen, and write what was."""
    cases = json.loads(FILE.read_text())
    wanted = {number: stands(case["object"]) for number, case in enumerate(cases)}
    with contextlib.suppress(KeyboardInterrupt):
        for found in followed({case["object"]["kind"].lower() for case in cases}):
            for number in [number for number, way in wanted.items() if way == stands(found)]:
                del wanted[number]
                cases[number]["object"] = cut(found)
                print(f"seen: {cases[number]['name']}; {len(wanted)} left", flush=True)
            if not wanted:
                break
    FILE.write_text(json.dumps(cases, indent=1) + "\n")
    for number in wanted:
        print(f"not seen: {cases[number]['name']}", file=sys.stderr)
    return 1 if wanted else 0


def stands(found: Object) -> tuple[Any, ...]:
    """How an object stands, as far as it is told by words that do not change from run to run."""
    status = found.get("status") or {}
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return ()
    conditions = tuple((item["type"], item["status"], item["reason"]) for item in status.get("conditions", ()))
    return found["kind"], status.get("phase"), conditions


def cut(found: Object) -> Object:
    """An object without what tells nothing of its health."""
    status = {key: found["status"][key] for key in KEPT if key in found["status"]}
    status["conditions"] = [{key: item[key] for key in TOLD} for item in status["conditions"]]
    metadata = {key: found["metadata"][key] for key in ("name", "generation")}
    return {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata, "status": status}


def followed(kinds: set[str]) -> Iterator[Object]:
    """Every object of these kinds, again whenever it changes."""
    seen: queue.SimpleQueue[Object] = queue.SimpleQueue()
    for kind in sorted(kinds):
        threading.Thread(target=_follow, args=(kind, seen), daemon=True).start()
    while True:
        yield seen.get()


def _follow(kind: str, seen: queue.SimpleQueue[Object]) -> None:
    """Watch one kind; the API server ends a watch now and then."""
    while True:
        command = ["kubectl", "get", "--raw", PATH.format(kind=kind)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            for line in program.stdout or ():
                event = json.loads(line)
                if event["type"] != "ERROR":
                    seen.put(event["object"])


if __name__ == "__main__":
    sys.exit(main())
