"""A Model read again and again: for the view that stays open, and as JSON, a line at each change."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from weirkeeper.plugin.errors import NotFound, PluginError

Model = Mapping[str, Any]


def again(read: Callable[[], Model], seconds: float) -> Iterator[tuple[Model, str]]:
    """Give the Model for ever: as it was read last, and why it could not be read now, if so.

    Raises:
        PluginError: the first reading failed, or the Model is gone.
    """
    model, fault = read(), ""
    while True:
        yield model, fault
        time.sleep(seconds)
        try:
            model, fault = read(), ""
        except NotFound:
            raise
        except PluginError as error:
            fault = f"no answer, this is how it was: {error}"


def told(model: Model) -> dict[str, Any]:
    """The status as programs are given it: without what only the operator's next plan needs."""
    return {key: value for key, value in model.get("status", {}).items() if key != "memory"}


def json_lines(read: Callable[[], Model], seconds: float) -> None:
    """Print the status as one line of JSON, and again at each change, until the user leaves; what fails, as an error.

    Raises:
        PluginError: the first reading failed, or the Model is gone.
    """
    shown = ""
    for model, fault in again(read, seconds):
        line = fault or json.dumps(told(model))
        if line != shown:
            print(line, file=sys.stderr if fault else sys.stdout, flush=True)
            shown = line
