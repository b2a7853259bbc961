"""The load generator as the story sees it: a pod that is started, asked for its counts and told what to do."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from demo.commands import Kubectl
from demo.errors import CommandError, LoadError
from demo.load_generator import OK
from demo.names import LOAD_POD, LOAD_PORT, MANIFESTS, MODEL

SCRIPT: Final = Path(__file__).resolve().parent / "load_generator.py"
TRIES: Final = 5


@dataclass(frozen=True)
class Answered:
    """What one revision answered so far: counts, first and last answer (unix seconds), latency in milliseconds."""

    ok: int
    failed: int
    first: float
    last: float
    p50: float | None
    p99: float | None

    @property
    def total(self) -> int:
        """All requests that the revision answered, well or badly."""
        return self.ok + self.failed


@dataclass(frozen=True)
class Counts:
    """One reading of ``/counts``; ``revisions`` has what each revision answered, "" stands for none of them."""

    now: float
    rate: float
    rows: str
    in_flight: int
    sent: int
    withheld: int
    p50: float | None
    p99: float | None
    revisions: Mapping[str, Answered]
    failures: tuple[Mapping[str, Any], ...]

    def of(self, revision: str) -> Answered:
        """Return what ``revision`` answered; zeros for one that never did."""
        return self.revisions.get(revision, Answered(0, 0, 0.0, 0.0, None, None))

    def failed(self, apart_from: str | None = None) -> int:
        """Count the failures, those that no revision answered included, less those that ``apart_from`` answered."""
        return sum(answered.failed for name, answered in self.revisions.items() if name != apart_from)

    @property
    def finished(self) -> int:
        """Requests with an outcome."""
        return sum(answered.total for answered in self.revisions.values())


def parse(document: Mapping[str, Any]) -> Counts:
    """Read the answer of ``/counts``."""
    return Counts(
        now=document["now"],
        rate=document["rate"],
        rows=document["rows"],
        in_flight=document["inFlight"],
        sent=document["sent"],
        withheld=document["withheld"],
        p50=document["p50"],
        p99=document["p99"],
        revisions={name: _answered(entry) for name, entry in document["revisions"].items()},
        failures=tuple(document["failures"]),
    )


def _answered(entry: Mapping[str, Any]) -> Answered:
    outcomes = entry["outcomes"]
    ok = outcomes.get(OK, 0)
    total = sum(outcomes.values())
    return Answered(ok, total - ok, entry["first"], entry["last"], entry["p50"], entry["p99"])


@dataclass(frozen=True)
class Load:
    """The load generator in ``kubectl``'s namespace, reached through the API server's pod proxy."""

    kubectl: Kubectl
    image: str
    target: str = f"http://{MODEL}/v2/models/{MODEL}/infer"

    def start(self, rows: str, rate: float) -> None:
        """Make the ConfigMap of script and rows, and the pod that runs them."""
        data = {SCRIPT.name: SCRIPT.read_text(), "rows.json": rows}
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LOAD_POD}, "data": data}
        self.kubectl.apply(config_map)
        manifest = (MANIFESTS / "load.yaml").read_text()
        for name, value in {"IMAGE": self.image, "TARGET": self.target, "RATE": f"{rate:g}"}.items():
            manifest = manifest.replace(f"${{{name}}}", value)
        self.kubectl.apply(manifest)

    def counts(self) -> Counts:
        """Read what was counted so far; LoadError when the pod does not answer."""
        return self._ask("counts", None)

    def control(self, **wish: float | str | bool) -> Counts:
        """Change ``rate``, ``rows`` or ``running``."""
        return self._ask("control", wish)

    def _ask(self, what: str, wish: Mapping[str, Any] | None) -> Counts:
        path = f"/api/v1/namespaces/{self.kubectl.namespace}/pods/{LOAD_POD}:{LOAD_PORT}/proxy/{what}"
        for attempt in range(1, TRIES + 1):
            try:
                answer = self.kubectl.read_raw(path) if wish is None else self.kubectl.post_raw(path, wish)
                return parse(answer)
            except CommandError as error:
                if attempt == TRIES:
                    raise LoadError(f"the load generator did not answer {TRIES} times: {error.found}") from error
                time.sleep(1)
        raise AssertionError("a loop of at least one attempt returns or raises")


def describe_failures(counts: Counts, apart_from: str | None, at_most: int = 5) -> str:
    """Tell the last failures but those of ``apart_from``, a line each."""
    others = [entry for entry in counts.failures if entry["revision"] != apart_from]
    return "\n".join(
        f"{entry['outcome']} from {entry['revision'] or 'no revision'}: {entry['detail']}"
        for entry in others[-at_most:]
    )
