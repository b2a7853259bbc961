"""The routes of the Open Inference Protocol over HTTP: one table for the application, OpenAPI and the docs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_VERSION: Final = "[/versions/{version}]"


@dataclass(frozen=True)
class Route:
    """One route; `path` has in brackets what may be left out, `statuses` are the answers beside 200."""

    name: str
    method: str
    path: str
    summary: str
    statuses: tuple[int, ...] = ()

    def paths(self) -> Iterator[tuple[str, str]]:
        """Give an operation's name and path: without what may be left out, and with it."""
        head, _, rest = self.path.partition("[")
        yield self.name, head + rest.partition("]")[2]
        if rest:
            yield f"{self.name}_of_version", self.path.replace("[", "").replace("]", "")


ROUTES: Final = (
    # The most frequent first: routes are tried in this order.
    Route(
        "infer",
        "POST",
        f"/v2/models/{{model}}{_VERSION}/infer",
        "Predict: inputs in, outputs back, as JSON or with binary tensors.",
        (400, 404, 408, 413, 415, 429, 500, 503, 504),
    ),
    Route(
        "feedback",
        "POST",
        "/v2/models/{model}/feedback",
        "Count labels of answers, by the tokens that the answers had; says what was counted, and what was not and why.",
        (400, 404, 408, 409, 413, 415, 503),
    ),
    Route(
        "model_ready",
        "GET",
        f"/v2/models/{{model}}{_VERSION}/ready",
        "Whether the model answers; 503 while it loads, after a failed load, and while the server drains.",
        (404, 503),
    ),
    Route(
        "model_metadata",
        "GET",
        f"/v2/models/{{model}}{_VERSION}",
        "The model's revision, inputs and outputs.",
        (404, 503),
    ),
    Route("live", "GET", "/v2/health/live", "Whether the process answers."),
    Route("server_ready", "GET", "/v2/health/ready", "Whether the server's model answers.", (503,)),
    Route("server_metadata", "GET", "/v2", "The server's name, version and extensions."),
    Route(
        "repository_index",
        "POST",
        "/v2/repository/index",
        'The one model and its state; with `{"ready": true}` only if it is ready.',
        (400, 408, 413, 415),
    ),
    Route(
        "load",
        "POST",
        "/v2/repository/models/{model}/load",
        "Refused: models are delivered through the Model resource.",
        (400,),
    ),
    Route(
        "unload",
        "POST",
        "/v2/repository/models/{model}/unload",
        "Refused: models are retired through the Model resource.",
        (400,),
    ),
    Route("openapi", "GET", "/v2/openapi.json", "This description of the routes, as OpenAPI 3.1."),
)
REFUSED: Final = frozenset({"load", "unload"})
"""Routes that never answer 200."""
EXTENSIONS: Final = ("binary_tensor_data", "model_repository")
FEEDBACK: Final = "feedback"
"""Named among the extensions where answers carry tokens."""
