"""Labels that come to a worker are counted by the supervisor, which knows what was posted to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import astuple
from typing import Any, Final

from weirkeeper_server.errors import NoFeedback, NotReady
from weirkeeper_server.feedback.ledger import FeedbackLedger, Receipt
from weirkeeper_server.feedback.posts import Item
from weirkeeper_server.feedback.refusals import Refusal
from weirkeeper_server.settings import FeedbackSettings

_ERRORS: Final = {error.__name__: error for error in (NoFeedback, NotReady)}

Post = Callable[[list[Any]], Awaitable[dict[str, Any]]]


class PostingLedger(FeedbackLedger):
    """Gives tokens, and has labels counted elsewhere: `post` sends items, and gives what `counted_by` said."""

    def __init__(self, model: str, settings: FeedbackSettings, clock: Callable[[], float], post: Post) -> None:
        super().__init__(model, settings, clock)
        self._post = post

    async def count(self, items: Sequence[Item]) -> Receipt:
        """Count the rows of a post, as `FeedbackLedger` does."""
        told = await self._post([astuple(item) for item in items])
        if "error" in told:
            name, message = told["error"]
            raise _ERRORS[name](message)
        refusals = [Refusal(*refusal) for refusal in told["refusals"]]
        return Receipt(told["counted"], Counter(told["refused"]), refusals)


async def counted_by(ledger: FeedbackLedger, items: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Count what a worker posted; what this gives goes back to it."""
    try:
        receipt = await ledger.count([Item(*item) for item in items])
    except (NoFeedback, NotReady) as error:
        return {"error": [type(error).__name__, str(error)]}
    refusals = [astuple(refusal) for refusal in receipt.refusals]
    return {"counted": receipt.counted, "refused": dict(receipt.refused), "refusals": refusals}
