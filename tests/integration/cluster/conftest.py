"""A namespace on the cluster without the chart: these tests need nothing of ours to run."""

import time
from collections.abc import Iterator

import pytest

from tests.harness import clusters
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl


@pytest.fixture
def bare_namespace(bare_cluster: Cluster) -> Iterator[Kubectl]:
    name = f"bare-{time.time_ns() // 1_000_000 % 100_000_000}"
    clusters.create_namespace(bare_cluster.kubectl, name)
    namespace = bare_cluster.kubectl.inside(name)
    default_account = "default"
    while namespace.get("serviceaccount", default_account) is None:
        time.sleep(0.1)
    yield namespace
    bare_cluster.kubectl.delete("namespace", name, wait=False)
