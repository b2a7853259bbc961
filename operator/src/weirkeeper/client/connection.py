"""One served model at its address: what it takes and gives, and single requests."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from weirkeeper.api.bundle import Signature
from weirkeeper.client.errors import NoAnswer, RequestRefused, UnusableAddress

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PATH: Final = "/v2/models/"

BATCH_ROWS: Final = 1_000
"""Rows in one inference request, unless said otherwise."""

TIMEOUT: Final = 30.0
"""Seconds to wait for one answer, unless said otherwise."""


@dataclass(frozen=True)
class Connection:
    """A model's address, such as `http://churn.team-a.svc/v2/models/churn`, and seconds to wait for an answer."""

    address: str
    timeout: float

    def signature(self) -> Signature:
        """Ask what the model takes and gives.

        Raises:
            NoAnswer: nobody answers, or not by the protocol.
            RequestRefused: the server has no such model, or it is not ready.
        """
        told = self._ask(self.address, None)
        parts = {field: told.get(field) for field in ("inputs", "outputs")}
        try:
            return Signature.model_validate(parts)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            where = ".".join(map(str, problem["loc"]))
            raise NoAnswer(
                f"{self.address} describes no model of columns or matrices: {where}: {problem['msg']}"
            ) from None

    def infer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send one inference request; give the answer's document.

        Raises:
            NoAnswer, RequestRefused: as in `signature`.
        """
        return self._ask(f"{self.address}/infer", json.dumps(request, allow_nan=False).encode())

    def feedback(self, items: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Send tokens with labels; give the answer's document: how many were counted, and what was refused and why.

        Raises:
            NoAnswer, RequestRefused: as in `signature`.
        """
        body = json.dumps({"items": items}, allow_nan=False).encode()
        told = self._ask(f"{self.address}/feedback", body)
        if not told.keys() >= {"counted", "reasons", "refusals"}:
            raise NoAnswer(f"{self.address} does not answer as a model does that takes labels; give a model's address")
        return told

    def _ask(self, url: str, body: bytes | None) -> Mapping[str, Any]:
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310  address_of allows http and https
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:  # noqa: S310  see above
                return _document(url, response.read())
        except urllib.error.HTTPError as error:
            with error:
                raise RequestRefused(error.code, _refusal(url, error)) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise NoAnswer(
                f"nobody answers at {url}: {reason}; check the address and that the model is Ready"
            ) from None


def _document(url: str, body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise NoAnswer(f"{url} answers with something else than a JSON object; give the address of a served model")
    return document


def _refusal(url: str, error: urllib.error.HTTPError) -> str:
    try:
        said = json.loads(error.read())["error"]
    except (ValueError, LookupError, TypeError):
        said = error.reason
    return f"{url} answers {error.code}: {said}"


def address_of(model: str, url: str | None = None, namespace: str | None = None) -> str:
    """Give a model's address: `model` is its URL, or a Model's name that is looked up in the cluster or at `url`.

    Raises:
        UnusableAddress: it is neither a URL nor a name.
    """
    if "://" in model:
        if url or namespace:
            raise UnusableAddress(f"{model!r} is a whole address; give no other beside it")
        return _checked(model)
    if not _NAME.fullmatch(model):
        raise UnusableAddress(
            f"{model!r} is neither a Model's name nor a URL such as http://localhost:8080{_PATH}churn"
        )
    base = url or f"http://{model}.{namespace}.svc" if url or namespace else f"http://{model}"
    # `churn.team-a` is a name in the cluster's DNS, of a Model called churn.
    return _checked(f"{base.rstrip('/')}{_PATH}{quote(model.partition('.')[0])}")


def _checked(address: str) -> str:
    parts = urlsplit(address)
    path = parts.path.removesuffix("/").removesuffix("/infer").removesuffix("/feedback")
    if parts.scheme not in ("http", "https") or not parts.hostname or not path.partition(_PATH)[2]:
        raise UnusableAddress(f"{address!r} is no model's address; give one such as http://localhost:8080{_PATH}churn")
    return f"{parts.scheme}://{parts.netloc}{path}"
