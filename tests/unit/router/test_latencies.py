"""Envoy's histograms in the bins that gates compare; the answers are as Envoy 1.40 gives them."""

from __future__ import annotations

from typing import Any

from weirkeeper.router.latencies import read_latencies
from weirkeeper.statistics.latency import bin_of


def answer(**buckets: list[tuple[float, float, int]]) -> dict[str, Any]:
    details = [
        {
            "name": f"outcomes.latency.cluster.{cluster.replace('_', '-', 1).replace('_', '.')}",
            "totals": [{"lower_bound": lower, "width": width, "count": count} for lower, width, count in given],
            "intervals": [],
            "percentiles": [],
        }
        for cluster, given in buckets.items()
    ]
    return {"stats": [{"histograms": {"supported_percentiles": [50], "details": details}}]}


def test_a_duration_counts_by_the_edge_that_it_is_below() -> None:
    found = read_latencies(
        answer(churn_a=[(0, 0, 4), (1, 0.1, 3), (7, 0.1, 1), (10, 1, 2), (99, 1, 5), (100, 10, 6), (15000, 1000, 1)])
    )
    edges = {1_000: 4, 2_000: 3, 8_000: 1, 11_000: 2, 100_000: 5, 110_000: 6, 16_000_000: 1}
    assert found == {"churn-a": {bin_of(us): count for us, count in edges.items()}}


def test_both_clusters_of_a_revision_count_together_and_others_apart() -> None:
    found = read_latencies(answer(churn_a=[(1, 0.1, 3)], churn_a_grpc=[(1, 0.1, 2)], churn_b=[(1, 0.1, 1)]))
    assert found == {"churn-a": {bin_of(2_000): 5}, "churn-b": {bin_of(2_000): 1}}


def test_before_the_first_request_there_is_none() -> None:
    assert read_latencies({"stats": []}) == {}
