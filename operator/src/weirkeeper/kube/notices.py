"""Events for people: one when something becomes so, not one for each time that it is found to be so still."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

from weirkeeper.api.conditions import timestamp
from weirkeeper.api.names import GROUP
from weirkeeper.kube.keys import Key
from weirkeeper.kube.resources import EVENT
from weirkeeper.plan.result import Notice

LONGEST_NOTE: Final = 1024
REPORTER: Final = f"{GROUP}/operator"

_Said = tuple[str, str, str]


class Transitions:
    """What each key's last plan said, so that only what is new is said again."""

    def __init__(self) -> None:
        self._said: dict[Key, frozenset[_Said]] = {}

    def news(self, key: Key, notices: Iterable[Notice]) -> tuple[Notice, ...]:
        """Those of `notices` that the last plan of `key` did not have."""
        given = {_said(notice): notice for notice in notices}
        before = self._said.pop(key, frozenset())
        if given:
            self._said[key] = frozenset(given)
        return tuple(notice for said, notice in given.items() if said not in before)


def _said(notice: Notice) -> _Said:
    return str(notice.regarding.get("uid")), notice.reason, notice.message


def event_of(notice: Notice, instance: str, now: float) -> dict[str, Any]:
    """The Event object of a notice, reported by the process `instance`; `regarding` is an ObjectReference."""
    about = notice.regarding
    note = notice.message.encode()[:LONGEST_NOTE].decode(errors="ignore")
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
        "metadata": {"name": f"{about['name']}.{secrets.token_hex(8)}", "namespace": about["namespace"]},
        "eventTime": timestamp(now).replace("Z", ".000000Z"),
        "reportingController": REPORTER,
        "reportingInstance": instance,
        "action": notice.action,
        "reason": notice.reason,
        "type": notice.type,
        "note": note,
        "regarding": dict(about),
    }
