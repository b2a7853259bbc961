"""Posts of labels and their receipts, as the OpenAPI document describes them."""

from __future__ import annotations

from pydantic import BaseModel, Field

from weirkeeper_server.feedback.refusals import Reason


class FeedbackItem(BaseModel):
    """A token with what became known of its rows; null stands for what is not known yet."""

    token: str = Field(description="Parameter feedback_token of an answer.")
    labels: list[str | int | float | bool | None] | None = Field(default=None, description="What was true.")
    values: list[float | str | None] | None = Field(default=None, description="What it was worth to the business.")
    rows: list[int] | None = Field(default=None, description="Rows of the answer, from 0; all of them by default.")


class FeedbackPost(BaseModel):
    """Labels that came back."""

    items: list[FeedbackItem] = Field(min_length=1)


class FeedbackRefusal(BaseModel):
    """An item, or one row of it, that was not counted."""

    item: int
    row: int | None
    reason: Reason
    message: str


class FeedbackReceipt(BaseModel):
    """What became of a post, in rows."""

    counted: int
    refused: int
    reasons: dict[Reason, int]
    refusals: list[FeedbackRefusal]
