"""What the page on the protocol says of HTTP is what the door has."""

from __future__ import annotations

import re

from tests.unit.docs.markdown import REFERENCE
from weirkeeper_server.http_door.reader import LARGEST_HEAD, LONGEST_TARGET, MOST_FIELDS
from weirkeeper_server.http_door.refusals import Refusal

PAGE = (REFERENCE / "protocol.md").read_text().partition("## HTTP\n")[2].partition("\n## ")[0]


def test_every_refusal_is_shown_with_its_status() -> None:
    shown = {
        pair
        for statuses, reasons in re.findall(r"^\| ([\d, ]+) \| ([`\w, ]+) \|", PAGE, re.MULTILINE)
        for pair in zip(statuses.split(", "), reasons.replace("`", "").split(", "), strict=True)
    }
    assert shown == {(str(refusal.status), refusal.__name__) for refusal in Refusal.__subclasses__()}


def test_bounds_are_shown() -> None:
    assert f"more than {LONGEST_TARGET // 1024} KiB" in PAGE
    assert f"more than {MOST_FIELDS} fields, or {LARGEST_HEAD // 1024} KiB" in PAGE
