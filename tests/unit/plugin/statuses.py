"""Models as the API server gives them, cut to what the plugin reads."""

from __future__ import annotations

from typing import Any


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def model(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "churn", "namespace": "team-a", "uid": "u-1"}, "status": status}


def progressing() -> dict[str, Any]:
    """An attempt in its second step."""
    return model(
        phase="Progressing",
        step=2,
        stepName="quarter",
        heldFor="40s",
        attempt=7,
        message="step 2/3 quarter: 25 % to churn-bb; its hold is 10m",
        stable={"revision": "churn-aa", "since": "2026-11-20T10:00:00Z"},
        candidate={"revision": "churn-bb", "weight": 25},
        traffic=[{"revision": "churn-aa", "weight": 75}, {"revision": "churn-bb", "weight": 25}],
        exposedRequests=417,
        gates=[
            {"name": "errors", "verdict": "Pass", "message": "errors: candidate 0 of 417 bad (0.0 %)"},
            {
                "name": "latency",
                "verdict": "Inconclusive",
                "message": "latency: candidate 1.0 % of 417 over 12 ms",
                "requestsNeeded": 900,
                "eta": "2026-11-24T12:30:00Z",
            },
        ],
        attempts=[
            {
                "attempt": 6,
                "revision": "churn-99",
                "started": "2026-11-19T10:00:00Z",
                "outcome": "RolledBack",
                "exposedRequests": 31,
                "reason": "gate errors failed: candidate 19 of 31 bad",
            },
            {"attempt": 7, "revision": "churn-bb", "started": "2026-11-24T12:00:00Z"},
        ],
        conditions=[
            condition("Ready", "True", "Serving", "churn-aa serves"),
            condition("Current", "False", "RolloutInProgress", "step 2/3 quarter"),
            condition("Stalled", "False", "AsExpected"),
        ],
    )


def rolled_back() -> dict[str, Any]:
    """A candidate that a gate rejected."""
    reason = "gate errors failed: candidate 19 of 326 bad (5.8 %)"
    return model(
        phase="RolledBack",
        attempt=3,
        message=f"churn-bb was rolled back ({reason}); change the spec, or ask for it with the verb retry",
        stable={"revision": "churn-aa"},
        traffic=[{"revision": "churn-aa", "weight": 100}],
        attempts=[
            {
                "attempt": 3,
                "revision": "churn-bb",
                "started": "2026-11-24T12:00:00Z",
                "outcome": "RolledBack",
                "exposedRequests": 326,
                "reason": reason,
            }
        ],
        conditions=[
            condition("Ready", "True", "Serving"),
            condition("Current", "False", "RolledBack", f"churn-bb was rolled back ({reason})"),
        ],
    )
