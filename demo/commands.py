"""kubectl and helm, run as programs: what the demo does, a reader can do by hand."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from demo.errors import CommandError


def program(name: str) -> str:
    """Path of a program: ``$KUBECTL`` or ``$HELM``, else the locked one beside this Python, else on PATH."""
    beside = Path(sys.executable).parent / name
    locked = str(beside) if beside.exists() else None
    found = os.environ.get(name.upper()) or locked or shutil.which(name)
    if not found:
        raise CommandError([name], f"not found; install it or set {name.upper()} to its path")
    return found


def run(command: list[str], *, stdin: str | None = None, timeout: float = 120, own_session: bool = False) -> str:
    """Run a program and return what it wrote; CommandError when it fails or takes longer than ``timeout`` seconds.

    With ``own_session`` an interrupt at the terminal does not reach it, so that it ends its work in order.
    """
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=own_session,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(command, f"not done within {timeout:g} s") from None
    if done.returncode != 0:
        raise CommandError(command, done.stderr or done.stdout or f"exit code {done.returncode}")
    return done.stdout


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace ("" for none), on the current kubeconfig unless another is given."""

    namespace: str = ""
    kubeconfig: Path | None = None

    def inside(self, namespace: str) -> Self:
        """Return the same in another namespace."""
        return replace(self, namespace=namespace)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of ``kubectl ARGUMENTS``."""
        options = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        options += [f"--namespace={self.namespace}"] if self.namespace else []
        return [program("kubectl"), *options, *arguments]

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """Run ``kubectl ARGUMENTS`` with ``stdin`` as its input."""
        return run(self.command(*arguments), stdin=stdin, timeout=timeout)

    def read(self, *arguments: str) -> Any:
        """Return what ``kubectl get ARGUMENTS`` finds, as JSON; None when it is not there."""
        text = self("get", *arguments, "--ignore-not-found", "-o", "json")
        return json.loads(text) if text.strip() else None

    def names(self, *arguments: str) -> list[str]:
        """Return the names of what ``kubectl get ARGUMENTS`` finds."""
        text = self("get", *arguments, "--ignore-not-found", "-o", "name")
        return [line.partition("/")[2] for line in text.split()]

    def apply(self, *manifests: str | Mapping[str, Any]) -> str:
        """Apply objects, or texts in YAML or JSON, by server-side apply."""
        texts = [one if isinstance(one, str) else json.dumps(one) for one in manifests]
        # What begins with a brace is read as JSON throughout, which knows no separators.
        documents = "".join(f"---\n{text}\n" for text in texts)
        return self("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=documents)

    def read_raw(self, path: str) -> Any:
        """GET a path of the API server, its proxies to pods and Services included."""
        return json.loads(self("get", "--raw", path))

    def post_raw(self, path: str, body: object) -> Any:
        """POST JSON to a path of the API server."""
        return json.loads(self("create", "--raw", path, "-f", "-", stdin=json.dumps(body)))


def helm(*arguments: str, timeout: float = 300) -> str:
    """Run ``helm ARGUMENTS`` to its end, also when the story is interrupted meanwhile."""
    return run([program("helm"), *arguments], timeout=timeout, own_session=True)
