"""Reads what a Model's report is made of, through kubectl, and writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from weirkeeper.api import names
from weirkeeper.model_report.compared import compared
from weirkeeper.model_report.found import Found
from weirkeeper.model_report.page import page_of
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.kubectl import MONITORS, Kubectl, Object
from weirkeeper.report.html import html

FORBIDDEN: Final = "Forbidden"
"""What the API server calls a refusal, in kubectl's words."""


def write_report(kubectl: Kubectl, model: str, file: Path, now: float) -> None:
    """Write the report of a Model as of `now` (Unix seconds).

    Raises:
        PluginError: the Model is not there, may not be read, or the file cannot be written.
    """
    page = html(page_of(found_of(kubectl, model), now))
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        raise PluginError(f"{file} cannot be written: {error.strerror}; give another file (-o)") from None


def measured(
    kubectl: Kubectl, model: str, attempts: Sequence[Object], revisions: Sequence[str]
) -> list[tuple[str, ...]]:
    """List what was measured of revisions, offline and live: see `model_report.compared`.

    Raises:
        PluginError: as `found_of`.
    """
    return compared(found_of(kubectl, model), attempts, revisions)


def found_of(kubectl: Kubectl, model: str) -> Found:
    """Read a Model, its Rollout, its Monitors, its ConfigMaps and its revisions' records; those may be refused.

    Raises:
        PluginError: the Model is not there, or one of these kinds may not be read.
    """
    return Found(
        kubectl.model(model),
        kubectl.governing(model),
        [one for one in kubectl.list(MONITORS) if one["spec"]["modelRef"]["name"] == model],
        _config_maps(kubectl, model),
        kubectl.records_of(model),
    )


def _config_maps(kubectl: Kubectl, model: str) -> Mapping[str, Object] | None:
    try:
        listed = kubectl.list("configmaps", "--selector", f"{names.LABEL_MODEL}={model}")
    except PluginError as error:
        if FORBIDDEN not in str(error):
            raise
        return None
    return {one["metadata"]["name"]: one for one in listed}
