"""An image of the model server that cannot be pulled, as a platform team may set it: what serves is not touched."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Files
from tests.e2e.serving import Serving, serving
from tests.harness.clusters import Cluster

pytestmark = pytest.mark.disruptive

NO_IMAGE = "weirkeeper.local/server:never-built"


@pytest.fixture
def churn(cluster: Cluster, good: Files) -> Iterator[Serving]:
    """A Model that serves; afterwards the chart has its own image again."""
    with serving(cluster, f"bad-image-{int(time.time()) % 100_000}", good) as found:
        yield found
    cluster.install()


def test_an_image_that_cannot_be_pulled(churn: Serving) -> None:
    churn.team.cluster.install(values=[f'images.server="{NO_IMAGE}"'])
    spec = {"artifact": {"uri": "configmap://churn-1"}, "parameters": {"threshold": "0.4"}}
    churn.turned_down(spec, "ImagePull", NO_IMAGE, "cannot be pulled")
