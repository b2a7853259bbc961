"""Keeps the answers to the gates' queries: of running attempts asked again and again, of others parsed once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from weirkeeper.delivery.evidence import QueryAnswer
from weirkeeper.observe.prometheus import Prometheus

EVERY_SECONDS: Final = 15.0
"""Between two questions of the same query; most Prometheus servers scrape no more often."""
CHECK_SECONDS: Final = 1.0
"""How soon a query is asked for the first time."""
PARSE_AGAIN_SECONDS: Final = 300.0
"""After so long a query is parsed again: Prometheus may be another version by then."""

Key = tuple[str, str]
"""Namespace and name of a Model."""


@dataclass
class _Followed:
    queries: frozenset[str] = frozenset()
    running: bool = False
    answers: dict[str, QueryAnswer] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)


class Queries:
    """Asks for the queries of all Models; `answers` gives what is known of one.

    `on_change(namespace, model)` is called when a planner must look: a query is refused or is no more, or a Prometheus
    came back or went away. `clock` gives Unix seconds. All of it lives in one event loop. Without `prometheus` nothing
    is asked.
    """

    def __init__(
        self,
        prometheus: Prometheus | None,
        clock: Callable[[], float],
        on_change: Callable[[str, str], None],
    ) -> None:
        self._prometheus = prometheus
        self._clock = clock
        self._on_change = on_change
        self._followed: dict[Key, _Followed] = {}

    def follow(self, namespace: str, model: str, queries: Iterable[str], *, running: bool) -> None:
        """Keep these queries of a Model; evaluated while an attempt is `running`, else only parsed."""
        wanted = frozenset(queries)
        if not wanted:
            self.forget(namespace, model)
            return
        kept = self._followed.setdefault((namespace, model), _Followed())
        if running and not kept.running:
            kept.due.clear()
        kept.queries, kept.running = wanted, running
        kept.answers = {query: answer for query, answer in kept.answers.items() if query in wanted}
        kept.due = {query: due for query, due in kept.due.items() if query in wanted}

    def forget(self, namespace: str, model: str) -> None:
        """Let go of a Model that has no such gates."""
        self._followed.pop((namespace, model), None)

    def answers(self, namespace: str, model: str) -> Mapping[str, QueryAnswer]:
        """The latest answers, by query; it does not change afterwards."""
        kept = self._followed.get((namespace, model))
        return dict(kept.answers) if kept else {}

    async def run(self) -> None:
        """Ask for ever; ends by cancellation."""
        if self._prometheus is None:
            return
        async with self._prometheus.open():
            while True:
                await self.ask(self._prometheus)
                await asyncio.sleep(CHECK_SECONDS)

    async def ask(self, prometheus: Prometheus) -> None:
        """Ask whatever is due."""
        now = self._clock()
        due = [
            (key, kept, query)
            for key, kept in self._followed.items()
            for query in kept.queries
            if kept.due.get(query, 0.0) <= now
        ]
        changed = await asyncio.gather(*(self._one(prometheus, kept, query) for _, kept, query in due))
        for key in {key for (key, _, _), news in zip(due, changed, strict=True) if news}:
            self._on_change(*key)

    async def _one(self, prometheus: Prometheus, kept: _Followed, query: str) -> bool:
        """Ask one query; say whether a planner must look."""
        now = self._clock()
        if kept.running:
            answer: QueryAnswer | None = await prometheus.number(query, now)
            again = EVERY_SECONDS
        else:
            answer = await prometheus.parsed(query, now)
            again = PARSE_AGAIN_SECONDS if answer is None or answer.refused else EVERY_SECONDS
        kept.due[query] = now + again
        before = kept.answers.pop(query, None)
        if answer is not None:
            kept.answers[query] = _since(answer, before)
        return _state(before) != _state(answer)


def _since(answer: QueryAnswer, before: QueryAnswer | None) -> QueryAnswer:
    """Keep since when there has been no number."""
    if answer.value is not None:
        return answer
    earlier = before.without_since if before is not None else None
    return replace(answer, without_since=answer.at if earlier is None else earlier)


def _state(answer: QueryAnswer | None) -> tuple[bool, bool, str]:
    if answer is None:
        return False, False, ""
    return answer.value is not None, answer.refused, answer.problem
