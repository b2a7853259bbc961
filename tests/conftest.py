"""Fixtures that more than one folder of tests uses; none of them costs anything to a test that does not ask for it."""

import itertools
import os
import time
from collections.abc import Iterator

import hypothesis
import pytest

from tests.cluster.images import IMAGES
from tests.cluster.provider import choose
from tests.harness import clusters
from tests.harness.clusters import CHART, Cluster
from tests.harness.kubectl import Kubectl

NUMBERS = itertools.count(1)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of several processes runs these tests; they start in the same second."""
ON_A_CLUSTER = ("tests/integration/", "tests/scale/", "tests/e2e/")


# A machine that is busy is no error.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def api_server() -> Iterator[Kubectl]:
    """kubectl for an API server that has no nodes and nothing of ours in it; it is gone afterwards."""
    with clusters.control_plane() as kubectl:
        yield kubectl


@pytest.fixture(scope="session")
def bare_cluster() -> Cluster:
    """The cluster of this checkout with the project's images in it; it stays up for the next run."""
    provider = choose()
    provider.up()
    return Cluster(provider, Kubectl(kubeconfig=provider.kubeconfig), provider.images(tuple(IMAGES)))


@pytest.fixture(scope="session")
def cluster(bare_cluster: Cluster) -> Cluster:
    """The same with the chart of this checkout installed."""
    assert CHART.is_dir()
    bare_cluster.install()
    return bare_cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[Kubectl]:
    """kubectl inside a fresh namespace, which enforces the restricted profile and goes with the test."""
    name = f"test-{int(time.time()) % 100_000}{WORKER}-{next(NUMBERS)}"
    clusters.create_namespace(cluster.kubectl, name)
    yield cluster.kubectl.inside(name)
    if not clusters.keep():
        cluster.kubectl.delete("namespace", name, wait=False)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Show which long test runs: a line each, as soon as it starts."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.register(_Progress(reporter), "progress-of-long-tests")


class _Progress:
    """Names tests on a cluster when they start, with the time since the first."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._begin = time.monotonic()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if nodeid.startswith(ON_A_CLUSTER):
            self._reporter.ensure_newline()
            self._reporter.write_line(f"[{time.monotonic() - self._begin:6.0f} s] {nodeid}")
