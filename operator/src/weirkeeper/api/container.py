"""What a Model says of a server that is not ours, and which fields go with which runtime."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field

from weirkeeper.api import names
from weirkeeper.api.record import Record, rule

Runtime = Literal["Bundle", "Container"]

OWN_FIELDS: Final = ("image", "command", "args", "env", "port", "grpcPort")
"""Fields of `server` that a container of one's own has, and the built-in server has not."""

_IS_CONTAINER: Final = "has(self.runtime) && self.runtime == 'Container'"
_SERVES_ITSELF: Final = "has(self.server) && has(self.server.runtime) && self.server.runtime == 'Container'"

IMAGE: Final = "runtime: Container needs image: name the image of your server, best by digest (NAME@sha256:…)"
OWN_ONLY: Final = f"{', '.join(OWN_FIELDS)} are for runtime: Container: set it, or leave them out"
NO_BATCHING: Final = "batching is for runtime: Bundle: your own server says itself how it takes requests together"
NO_WORKERS: Final = "workers are for runtime: Bundle: your own server says itself how many processes it has"
PORTS: Final = (
    f"port and grpcPort must differ from each other and from {names.PROBE_PORT}, which answers the operator beside"
    " your server: let your server listen on other ports"
)
NO_ARTIFACT: Final = "artifact is missing: say where the bundle lies, or set server.runtime: Container"
NO_PARAMETERS: Final = "parameters are for runtime: Bundle: give your container the same in server.env"
NO_TYPES: Final = "artifact.trustedTypes is for runtime: Bundle, which alone loads skops: leave it out"


class EnvironmentVariable(Record):
    """One variable of the container's environment."""

    name: str = Field(description="Its name.", min_length=1, max_length=256, pattern="^[A-Za-z_][A-Za-z0-9_.-]*$")
    value: str | None = Field(
        default=None,
        description="Its value, as Kubernetes takes it: $(OTHER) means another variable, $$ a single $.",
        max_length=16384,
    )


SERVER_RULES: Final = (
    rule(f"!({_IS_CONTAINER}) || has(self.image)", IMAGE),
    rule(f"({_IS_CONTAINER}) || !({' || '.join(f'has(self.{name})' for name in OWN_FIELDS)})", OWN_ONLY),
    rule(f"!has(self.batching) || !({_IS_CONTAINER})", NO_BATCHING),
    rule(f"!has(self.workers) || !({_IS_CONTAINER})", NO_WORKERS),
    rule(
        f"(!has(self.port) || self.port != {names.PROBE_PORT})"
        f" && (!has(self.grpcPort) || self.grpcPort != {names.PROBE_PORT})"
        f" && (!has(self.grpcPort) || self.grpcPort != (has(self.port) ? self.port : {names.HTTP_PORT}))",
        PORTS,
    ),
)

MODEL_RULES: Final = (
    rule(f"has(self.artifact) || ({_SERVES_ITSELF})", NO_ARTIFACT),
    rule(f"!has(self.parameters) || !({_SERVES_ITSELF})", NO_PARAMETERS),
    rule(f"!has(self.artifact) || !has(self.artifact.trustedTypes) || !({_SERVES_ITSELF})", NO_TYPES),
)


def refusal_of_server(given: dict[str, Any]) -> str:
    """Say why the fields of `server` that are set (in YAML's names) do not go together; empty where they do."""
    container = given.get("runtime") == "Container"
    if container and "image" not in given:
        return IMAGE
    if not container and any(name in given for name in OWN_FIELDS):
        return OWN_ONLY
    if container and "batching" in given:
        return NO_BATCHING
    if container and "workers" in given:
        return NO_WORKERS
    ports = {names.PROBE_PORT, given.get("port", names.HTTP_PORT), given.get("grpcPort", 0)}
    return PORTS if len(ports) < 3 else ""  # noqa: PLR2004 - three ports that all differ


def refusal_of_model(given: dict[str, Any], runtime: Runtime | None) -> str:
    """Say why `artifact` and `parameters`, as far as they are set, do not go with the runtime; empty where they do."""
    if runtime != "Container":
        return "" if "artifact" in given else NO_ARTIFACT
    if "parameters" in given:
        return NO_PARAMETERS
    return NO_TYPES if "trustedTypes" in given.get("artifact", {}) else ""
