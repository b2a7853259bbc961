"""A revision's identity: the same content is the same revision, however it came to be asked for again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

Content = Mapping[str, Any]

DEFAULT_RUNTIME = "Bundle"
"""What a Model says, or means by saying nothing."""

DEFAULT_WORKERS = 1
"""Likewise."""

_NOT_OF_THE_REVISION = {"replicas", "imagePullSecrets"}


def content_of(spec: Mapping[str, Any], config_maps: Mapping[str, str]) -> Content:
    """What a Model's spec says about what is served, with absent and empty values left out.

    `config_maps` maps the ConfigMaps that the spec names to the digest of their content. Leaving out what is absent
    keeps old hashes when fields are added later.
    """
    server = {key: value for key, value in spec.get("server", {}).items() if key not in _NOT_OF_THE_REVISION}
    if server.get("runtime") == DEFAULT_RUNTIME:
        del server["runtime"]
    if server.get("workers") == DEFAULT_WORKERS:
        del server["workers"]
    content = {
        "artifact": spec.get("artifact"),
        "server": server,
        "parameters": spec.get("parameters"),
        "probe": spec.get("probe"),
        "configMaps": config_maps,
    }
    return {key: pruned for key, value in content.items() if (pruned := _pruned(value)) is not None}


def is_container(content: Content) -> bool:
    """Whether a server of the Model's own serves this content."""
    return bool(content.get("server", {}).get("runtime") == "Container")


def revision_name(model: str, content: Content, image: str) -> str:
    """`<model>-<hash8>`, the hash taken over the content and the server image."""
    return f"{model}-{_sha256({'content': content, 'image': image})[:8]}"


def content_digest(content: Content) -> str:
    """The content's own hash, by which a record of the same content is found whatever image it runs."""
    return _sha256(content)


def config_map_digest(config_map: Mapping[str, Any]) -> str:
    """The sha256 of a ConfigMap's data and binaryData; metadata does not count."""
    return _sha256({"data": config_map.get("data") or {}, "binaryData": config_map.get("binaryData") or {}})


def _pruned(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: pruned for key, item in value.items() if (pruned := _pruned(item)) is not None}
        return kept or None
    if isinstance(value, list | tuple):
        return list(value) or None
    return value


def _sha256(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
