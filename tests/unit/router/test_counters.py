from __future__ import annotations

import re

import pytest

from weirkeeper.router.counters import STATS_FILTER, VERSION_STAT, Counts, read_stats


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("200,,-", Counts(1)),
        ("302,,-", Counts(1)),
        ("400,,-", Counts(1, 1, 0)),
        ("404,,-", Counts(1, 1, 0)),
        ("401,,-", Counts(1)),
        ("403,,-", Counts(1)),
        ("413,,-", Counts(1)),
        ("429,,-", Counts(1)),
        ("500,,-", Counts(1, 1, 1)),
        ("503,,UH", Counts(1, 1, 1)),
        ("503,,UF,URX", Counts(1, 1, 1)),
        ("504,,UT", Counts(1, 1, 1)),
        # broken off after a good status
        ("200,,UC", Counts(1, 1, 1)),
        ("200,,UT", Counts(1, 1, 1)),
        ("200,,UPE", Counts(1, 1, 1)),
        # broken off after a bad one: bad already, and the client's own stays its own
        ("400,,UC", Counts(1, 1, 0)),
        # the client went away
        ("0,,DC", Counts()),
        ("200,,DC", Counts()),
        ("0,,DR", Counts()),
    ],
)
def test_http_outcomes(end: str, expected: Counts) -> None:
    assert read_stats({f"outcomes.requests.cluster.churn-a.end.{end}": 1}).counts == {"churn-a": expected}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("200,0,-", Counts(1)),
        ("200,3,-", Counts(1, 1, 0)),
        ("200,16,-", Counts(1, 1, 0)),
        ("200,2,-", Counts(1, 1, 1)),
        ("200,13,-", Counts(1, 1, 1)),
        # Envoy's own answers
        ("200,14,UT", Counts(1, 1, 1)),
        ("200,14,UH", Counts(1, 1, 1)),
        # broken off
        ("200,2,UC", Counts(1, 1, 1)),
        # answered by something that does not speak gRPC
        ("404,12,-", Counts(1, 1, 0)),
        ("429,14,-", Counts(1)),
        ("500,2,-", Counts(1, 1, 1)),
        # the client went away
        ("0,2,DR", Counts()),
        ("200,2,DR", Counts()),
    ],
)
def test_grpc_outcomes(end: str, expected: Counts) -> None:
    assert read_stats({f"outcomes.requests.cluster.churn-a.grpc.end.{end}": 1}).counts == {"churn-a": expected}


def test_outcomes_are_summed() -> None:
    ends = {"200,,-": 90, "500,,-": 4, "400,,-": 3, "429,,-": 2, "0,,DC": 7}
    stats = {f"outcomes.requests.cluster.churn-a.end.{end}": count for end, count in ends.items()}
    stats |= {"outcomes.requests.cluster.churn-a.grpc.end.200,14,UT": 5, "cluster.churn-a.upstream_rq_retry": 6}
    stats |= {"cluster.churn-a.grpc.upstream_rq_retry": 1}
    assert read_stats(stats).counts == {"churn-a": Counts(total=104, bad=12, failed=9, retries=7)}


def test_what_went_to_no_cluster_is_nobodys() -> None:
    assert read_stats({"outcomes.requests.cluster..end.404,,-": 3}).counts == {}


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
        ("outcomes.requests.cluster.churn-a.grpc.end.200,0,-", True),
        ("cluster.churn-a.upstream_rq_active", True),
        ("cluster.churn-a.grpc.upstream_rq_retry", True),
        ("http.in.rds.models.version_text", True),
        ("cluster.churn-a.retry.upstream_rq_503", False),
        ("cluster.churn-a.upstream_rq_200", False),
        ("cluster.churn-a.upstream_rq_retry_success", False),
        ("http.in.downstream_rq_2xx", False),
    ],
)
def test_only_what_is_counted_is_asked_for(name: str, asked: bool) -> None:  # noqa: FBT001 - a table
    assert bool(re.match(STATS_FILTER, name)) == asked
