"""The few forms that all of Envoy's resources share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]
"""One of Envoy's objects as JSON."""


def discovery(version: str, resources: Iterable[Resource]) -> Resource:
    """The content of a file that Envoy reads resources from; `version` is what its admin port then shows."""
    return {"version_info": version, "resources": list(resources)}


def file_source(path: Path) -> Resource:
    """Where Envoy reads resources from.

    Envoy watches the file's folder for a rename onto this very file; a `watched_directory` would make it read the file
    again at each rename of any other.
    """
    return {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}


def extension(kind: str, content: Resource) -> Resource:
    """One of Envoy's extensions, by the name of its type."""
    return {"@type": f"type.googleapis.com/{kind}", **content}


def seconds(duration: float) -> str:
    """A duration as protobuf's JSON has it."""
    return f"{duration:.3f}s"


def socket_address(address: str, port: int) -> Resource:
    """Where to connect to or to listen."""
    return {"socket_address": {"address": address, "port_value": port}}


def added_header(name: str, value: str, *, action: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> Resource:
    """A header that a route gives to its requests or answers."""
    return {"header": {"key": name, "value": value}, "append_action": action}
