"""The manifests, the commands and the command line."""

import sys
from typing import Any

import pytest
import yaml

from demo import __main__ as command_line
from demo import install
from demo.commands import Kubectl, helm, run
from demo.errors import CommandError
from demo.names import DEMO_LABEL, MANIFESTS, MODEL, VERSIONS, artifact


def documents(name: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all((MANIFESTS / name).read_text()) if document]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_model_takes_at_most_five_lines_of_spec_and_differs_by_its_artifact_alone(version: str) -> None:
    text = (MANIFESTS / f"model-{version}.yaml").read_text()
    assert len(text.partition("spec:\n")[2].splitlines()) <= 5
    first = documents("model-v1.yaml")[0]
    first["spec"]["artifact"]["uri"] = f"configmap://{artifact(version)}"
    assert documents(f"model-{version}.yaml") == [first]


def test_rollout_and_monitor_are_of_the_model_and_shorten_times_alone() -> None:
    rollout, monitor = documents("rollout.yaml")[0]["spec"], documents("monitor.yaml")[0]["spec"]
    assert rollout["modelRef"] == monitor["modelRef"] == {"name": MODEL}
    assert [step["weight"] for step in rollout["steps"]] == [5, 25, 50]
    assert set(rollout) == {"modelRef", "steps", "bakeTime"}
    assert set(monitor) == {"modelRef", "window"}


@pytest.mark.parametrize("name", ["load.yaml", "prometheus.yaml"])
def test_the_demos_own_pods_meet_the_restricted_profile(name: str) -> None:
    pods = [
        document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
        for document in documents(name)
        if document["kind"] in ("Pod", "Deployment")
    ]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True


def test_namespaces_enforce_the_restricted_profile() -> None:
    labels = documents("namespace.yaml")[0]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    key, _, value = DEMO_LABEL.partition("=")
    assert labels[key] == value


def test_a_run_takes_a_namespace_that_no_former_run_has() -> None:
    assert install.next_namespace([]) == "weirkeeper-demo-1"
    assert (
        install.next_namespace(["weirkeeper-demo-2", "weirkeeper-demo-10", "weirkeeper-demo-mine", "other"])
        == "weirkeeper-demo-11"
    )


class Answers(Kubectl):
    """A kubectl that gives one answer."""

    deployments: Any = None

    def read(self, *_: str) -> Any:
        return {"items": type(self).deployments}

    def names(self, *_: str) -> list[str]:
        return ["weirkeeper-demo-2", "weirkeeper-system"]


def deployment(**status: int) -> dict[str, Any]:
    return {"metadata": {"name": "operator", "generation": 3}, "spec": {"replicas": 1}, "status": status}


@pytest.mark.parametrize(
    ("deployments", "ready"),
    [
        ([], False),
        ([deployment(observedGeneration=3, replicas=1, updatedReplicas=1, readyReplicas=1)], True),
        ([deployment(observedGeneration=2, replicas=1, updatedReplicas=1, readyReplicas=1)], False),
        ([deployment(observedGeneration=3, replicas=2, updatedReplicas=1, readyReplicas=2)], False),
        ([deployment()], False),
    ],
)
def test_the_operator_is_ready_when_its_newest_pods_alone_run(deployments: Any, ready: bool) -> None:  # noqa: FBT001
    Answers.deployments = deployments
    assert install.deployments_ready(Answers()).done is ready


def test_the_operators_own_namespace_is_not_removed_as_a_former_run() -> None:
    assert install.runs(Answers()) == ["weirkeeper-demo-2"]


def test_former_runs_are_gone_when_their_namespaces_are() -> None:
    assert install.gone(Answers(), ["weirkeeper-demo-1"]).done
    assert not install.gone(Answers(), ["weirkeeper-demo-1", "weirkeeper-demo-2"]).done


def test_a_program_that_fails_is_told_with_what_it_wrote() -> None:
    with pytest.raises(CommandError, match="sh -c echo no >&2; exit 3: no"):
        run(["sh", "-c", "echo no >&2; exit 3"])


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(CommandError, match=r"not done within 0\.1 s"):
        run([sys.executable, "-c", "import time; time.sleep(10)"], timeout=0.1)


def test_kubectl_acts_in_its_namespace() -> None:
    assert Kubectl("a").command("get", "pods")[1:] == ["--namespace=a", "get", "pods"]
    assert Kubectl("a").inside("").command("get", "nodes")[1:] == ["get", "nodes"]


def test_a_missing_program_says_how_to_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("HELM", raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(CommandError, match="install it or set HELM to its path"):
        helm("version")


def test_the_command_line_wants_all_images(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", "run", "--image", "server=s", "--image", "operator=o"])
    with pytest.raises(SystemExit):
        command_line.main()
    assert "--image is missing for envoy, prometheus" in capsys.readouterr().err


def test_an_image_of_another_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.parser().parse_args(["run", "--image", "web=x"])
    assert "got 'web=x'; expected NAME=IMAGE" in capsys.readouterr().err
