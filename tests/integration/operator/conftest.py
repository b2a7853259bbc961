"""An API server with our kinds, a namespace for each test, and operators that serve it as processes."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cluster.places import CHECKOUT, Place
from tests.harness.clusters import create_namespace
from tests.harness.kubectl import Kubectl
from tests.integration.operator.operator_process import SYSTEM, OperatorProcess, operator, settings_for

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def api(api_server: Kubectl) -> Kubectl:
    api_server("apply", "--server-side", "--force-conflicts", "-f", str(CHECKOUT / "crds"))
    for kind in ("models", "rollouts", "monitors"):
        api_server("wait", "--for=condition=Established", f"crd/{kind}.weirkeeper.dev", "--timeout=60s")
    create_namespace(api_server, SYSTEM)
    return api_server


@pytest.fixture
def place(api: Kubectl) -> Place:
    return Place(api.kubeconfig.parent.name)


@pytest.fixture
def team(api: Kubectl) -> Kubectl:
    """kubectl inside a namespace of the test's own."""
    name = f"team-{os.getpid()}-{next(NUMBERS)}"
    create_namespace(api, name)
    return api.inside(name)


Run = Callable[..., OperatorProcess]


@pytest.fixture
def run(team: Kubectl, tmp_path: Path) -> Iterator[Run]:
    """Start operators for the test's namespace; they end with the test."""
    with ExitStack() as stack:

        def start(
            name: str = "operator", kubeconfig: Path | None = None, settings: str = "", lease: str = ""
        ) -> OperatorProcess:
            told = (settings or settings_for(team.namespace), lease or f"lease-{team.namespace}")
            return stack.enter_context(operator(tmp_path / name, kubeconfig or team.kubeconfig, *told))

        yield start
