"""The page on feedback has the reasons that there are, and its examples are what the server reads and writes."""

from __future__ import annotations

import json
from dataclasses import fields

from tests.unit.docs.markdown import REFERENCE, blocks, codes, rows
from weirkeeper_server.feedback.posts import ITEM_FIELDS, read_post
from weirkeeper_server.feedback.refusals import REASONS, Refusal
from weirkeeper_server.feedback.schemas import FeedbackReceipt
from weirkeeper_server.settings import FeedbackSettings

PAGE = (REFERENCE / "feedback.md").read_text()


def test_every_reason_is_explained_and_none_is_made_up() -> None:
    told = [codes(row[0])[0] for row in rows(PAGE) if len(row) == 2 and row[0].startswith("`")]
    assert [name for name in told if name not in ITEM_FIELDS] == list(REASONS)


def test_the_example_of_a_post_is_one() -> None:
    post, receipt = map(json.loads, blocks(PAGE, "json"))
    assert [item.size for item in read_post(post, FeedbackSettings())] == [2, 2]
    FeedbackReceipt.model_validate(receipt)
    assert receipt["refusals"][0].keys() == {field.name for field in fields(Refusal)}
