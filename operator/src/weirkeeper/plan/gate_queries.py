"""The queries of promQL gates: what is asked for a Model now, and what keeps the answers away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from weirkeeper.api.promql import fill_in
from weirkeeper.delivery.evidence import QueryAnswer
from weirkeeper.delivery.turn import Obstacle

if TYPE_CHECKING:
    from weirkeeper.delivery.memory import Memory
    from weirkeeper.delivery.policy import Policy
    from weirkeeper.plan.snapshot import Snapshot

PATIENCE = 30.0
"""Seconds without a number, in an attempt, until people are told: the query is asked twice in them."""

JUDGED = ("Progressing", "Promoting", "Baking")


def queries_of(snapshot: Snapshot, memory: Memory, policy: Policy) -> dict[str, str]:
    """The queries of the policy's gates with their placeholders filled in, by the gates' names.

    In the bake the candidate is the promoted revision, and stable the one before it. Between attempts, when queries
    are only parsed, stable stands for both.
    """
    baking = memory.phase == "Baking" and memory.previous is not None
    candidate = memory.stable if baking else memory.candidate or memory.stable
    stable = memory.previous if baking else memory.stable or memory.candidate
    values = {
        "candidate": candidate or snapshot.name,
        "stable": stable or snapshot.name,
        "model": snapshot.name,
        "namespace": snapshot.namespace,
    }
    return {gate.name: fill_in(gate.prom_ql.query, values) for gate in policy.gates if gate.prom_ql is not None}


def answers_of(snapshot: Snapshot, queries: Mapping[str, str]) -> dict[str, QueryAnswer]:
    """What Prometheus said to these very queries, by the gates' names."""
    answers = snapshot.query_answers
    return {name: answers[query] for name, query in queries.items() if query in answers}


def queries_obstacle(snapshot: Snapshot, memory: Memory, policy: Policy, now: float) -> Obstacle | None:
    """Why a promQL gate cannot come to a verdict: always where it never will, in an attempt where it does not now."""
    queries = queries_of(snapshot, memory, policy)
    if queries and not snapshot.settings.prometheus.url:
        gates = ", ".join(queries)
        return Obstacle(
            "PrometheusNotConfigured",
            f"gate {gates} asks Prometheus, and the platform names none (chart value prometheus.url): it holds until"
            " the platform team sets it, or the gate is taken out",
        )
    answers = answers_of(snapshot, queries)
    for name, answer in answers.items():
        if answer.refused:
            return Obstacle("InvalidQuery", f"gate {name}: Prometheus cannot read {queries[name]}: {answer.problem}")
    for name, answer in answers.items():
        since = answer.without_since
        if memory.phase in JUDGED and since is not None and now - since >= PATIENCE:
            return Obstacle("EvidenceUnavailable", f"gate {name}: {answer.problem}; the rollout holds until it does")
    return None
