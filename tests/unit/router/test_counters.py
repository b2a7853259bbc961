from __future__ import annotations

import re

import pytest

from weirkeeper.router.counters import STATS_FILTER, VERSION_STAT, Counts, read_stats


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ({"upstream_rq_completed": 5, "upstream_rq_200": 5}, Counts(5, 0, 0, 0)),
        ({"upstream_rq_completed": 3, "upstream_rq_200": 1, "upstream_rq_404": 2}, Counts(3, 2, 0, 0)),
        ({"upstream_rq_completed": 4, "upstream_rq_401": 1, "upstream_rq_403": 1, "upstream_rq_413": 1}, Counts(4)),
        ({"upstream_rq_completed": 2, "upstream_rq_429": 2}, Counts(2)),
        ({"upstream_rq_completed": 2, "upstream_rq_500": 1, "upstream_rq_504": 1}, Counts(2, 2, 2)),
        ({"upstream_rq_completed": 1, "upstream_rq_200": 1, "upstream_rq_retry": 2}, Counts(1, 0, 0, 2)),
        ({"upstream_rq_active": 3}, Counts()),
    ],
)
def test_http_counters(stats: dict[str, int], expected: Counts) -> None:
    found = read_stats({f"cluster.churn-a.{name}": value for name, value in stats.items()})
    assert found.counts == {"churn-a": expected}


@pytest.mark.parametrize(
    ("stats", "expected"),
    [
        ({"grpc.total": 5, "grpc.0": 5, "upstream_rq_200": 5}, Counts(5)),
        ({"grpc.total": 5, "grpc.0": 3, "grpc.3": 1, "grpc.13": 1, "upstream_rq_200": 5}, Counts(5, 2, 1)),
        # Envoy's own answers have an HTTP status among the counters, and a gRPC status: counted by the latter
        ({"grpc.total": 2, "grpc.14": 2, "upstream_rq_503": 1, "upstream_rq_504": 1}, Counts(2, 2, 2)),
        # answered by something that does not speak gRPC
        ({"upstream_rq_404": 1, "upstream_rq_500": 1, "upstream_rq_429": 1}, Counts(3, 2, 1)),
        ({"grpc.total": 1, "grpc.0": 1, "upstream_rq_retry": 1}, Counts(1, 0, 0, 1)),
    ],
)
def test_grpc_counters(stats: dict[str, int], expected: Counts) -> None:
    found = read_stats({f"cluster.churn-a.grpc.{name}": value for name, value in stats.items()})
    assert found.counts == {"churn-a": expected}


def test_broken_answers_are_bad_and_failed() -> None:
    found = read_stats(
        {
            "cluster.churn-a.upstream_rq_completed": 4,
            "interrupted.requests.cluster.churn-a": 1,
            "cluster.churn-a.grpc.grpc.total": 2,
            "cluster.churn-a.grpc.grpc.0": 2,
            "interrupted.requests.cluster.churn-a.grpc": 3,
        }
    )
    assert found.counts == {"churn-a": Counts(total=4 + 2 + 3, bad=1 + 3, failed=1 + 3)}


def test_both_clusters_are_summed() -> None:
    found = read_stats(
        {
            "cluster.churn-a.upstream_rq_active": 1,
            "cluster.churn-a.grpc.upstream_rq_active": 2,
            "cluster.price-a.upstream_rq_active": 0,
            VERSION_STAT: "12",
        }
    )
    assert found.version == "12"
    assert found.active == {"churn-a": 3, "price-a": 0}


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("cluster.churn-a.upstream_rq_200", True),
        ("cluster.churn-a.grpc.upstream_rq_completed", True),
        ("cluster.churn-a.grpc.grpc.14", True),
        ("interrupted.requests.cluster.churn-a.grpc", True),
        ("http.in.rds.models.version_text", True),
        ("cluster.churn-a.retry.upstream_rq_503", False),
        ("cluster.churn-a.external.upstream_rq_200", False),
        ("cluster.churn-a.upstream_rq_2xx", False),
        ("cluster.churn-a.upstream_rq_total", False),
        ("http.in.downstream_rq_2xx", False),
    ],
)
def test_only_what_is_counted_is_asked_for(name: str, asked: bool) -> None:  # noqa: FBT001 - a table
    assert bool(re.match(STATS_FILTER, name)) == asked


def test_a_difference_below_zero_is_no_count() -> None:
    assert not (Counts(1, 0, 0) - Counts(2, 0, 0)).is_valid
    assert (Counts(2, 1, 1) - Counts(2, 0, 0)).is_valid
