"""The cluster does what a cluster does; what it lacks would make every other test here meaningless."""

import signal
import sys
from typing import Any

import pytest

from demo.errors import CommandError
from tests.harness.clusters import Cluster
from tests.harness.kubectl import Kubectl
from tests.harness.waiting import eventually

ASK = (
    "import urllib.request; print(urllib.request.urlopen('http://web.{namespace}.svc.cluster.local', timeout=5).status)"
)
CONTAINER_RULES = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_RULES = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}


def _pod(name: str, image: str, *command: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": image,
        "command": ["/opt/weirkeeper/bin/python", *command],
        "resources": {"limits": {"memory": "64Mi", "cpu": "500m"}},
        "securityContext": CONTAINER_RULES,
    }
    spec = {"securityContext": POD_RULES, "containers": [container], "terminationGracePeriodSeconds": 0}
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def web(bare_cluster: Cluster, bare_namespace: Kubectl) -> Kubectl:
    service = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    bare_namespace.apply(
        _pod("web", bare_cluster.images["operator"], "-m", "http.server", "8080"),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service},
    )
    bare_namespace.wait_condition("pod", "web", "Ready")
    return bare_namespace


def test_a_restricted_pod_answers_behind_its_service_by_name(bare_cluster: Cluster, web: Kubectl) -> None:
    web.apply(_pod("asker", bare_cluster.images["operator"], "-c", "import time; time.sleep(600)"))
    web.wait_condition("pod", "asker", "Ready")
    question = ASK.format(namespace=web.namespace)

    def answer() -> str | None:
        try:
            return web("exec", "asker", "--", "/opt/weirkeeper/bin/python", "-c", question)
        except CommandError:
            return None  # a Service answers a second or two after its pods are ready

    assert eventually("the Service to answer", answer, timeout=60).strip() == "200"
    assert bare_cluster.run_inside(sys.executable, "-c", question).strip() == "200"
    assert '"GET / HTTP/1.1" 200' in web("logs", "web")


def test_an_unrestricted_pod_is_refused(bare_namespace: Kubectl) -> None:
    with pytest.raises(CommandError, match='violates PodSecurity "restricted:latest"'):
        bare_namespace("run", "unrestricted", "--image=any")


def test_a_container_is_killed_at_its_memory_limit(bare_cluster: Cluster, bare_namespace: Kubectl) -> None:
    pod = _pod("greedy", bare_cluster.images["operator"], "-c", "list(range(10**9))")
    pod["spec"]["restartPolicy"] = "Never"
    bare_namespace.apply(pod)

    def exit_code() -> int | None:
        statuses = (bare_namespace.get("pod", "greedy") or {}).get("status", {}).get("containerStatuses", [])
        ended = [status["state"]["terminated"] for status in statuses if "terminated" in status["state"]]
        return ended[0]["exitCode"] if ended else None

    # Its reason is OOMKilled only if containerd heard of it before the container had ended.
    assert eventually("the container to end", exit_code, timeout=90) == 128 + signal.SIGKILL
