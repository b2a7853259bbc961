"""What the page on the protocol shows is what the server writes."""

from __future__ import annotations

import io
import json

from tests.unit.docs.markdown import REFERENCE, blocks
from weirkeeper_server.access_log import AccessLog, Origin
from weirkeeper_server.answer import Identity
from weirkeeper_server.errors import RequestError

PAGE = (REFERENCE / "protocol.md").read_text()


async def test_the_line_of_the_access_log_has_the_fields_that_there_are() -> None:
    shown = json.loads(blocks(PAGE, "json")[-1])
    target = io.StringIO()
    access_log = AccessLog(target, Identity("churn", "churn-5d9c7f02"))
    origin = Origin(*(shown[name] for name in ("protocol", "method", "path", "trace")))
    access_log.add(origin, *(shown[name] for name in ("status", "seconds", "request", "reason")))
    access_log.flush()
    assert json.loads(target.getvalue()) == {**shown, "time": json.loads(target.getvalue())["time"]}
    assert shown["reason"] in {error.__name__ for error in RequestError.__subclasses__()}


def test_what_is_shown_as_json_is_json() -> None:
    for block in blocks(PAGE, "json"):
        assert isinstance(json.loads(block), dict)
