import json
import logging
from pathlib import Path

import pytest

from tests.unit.kube.samples import model
from tests.unit.runtime.world import SETTINGS
from weirkeeper.render.router import router_objects
from weirkeeper.runtime.cli import main
from weirkeeper.runtime.errors import Unusable
from weirkeeper.runtime.logs import JsonLines
from weirkeeper.runtime.settings import load_settings, own_name, own_namespace

GOOD = "serverImage: s:1\noperatorImage: o:1\nenvoyImage: e:1\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "--settings"),
        ("serverImage: s:1\n", "operatorImage"),
        (GOOD + "unknown: 1\n", "unknown"),
        (GOOD + "slotSeconds: 0\n", "slotSeconds"),
        (GOOD + "defaults: {rollout: {steps: [{weight: 50}, {weight: 5}]}}\n", "rollout"),
        ("{", "YAML"),
    ],
)
def test_settings_that_will_not_do_end_the_process_with_2_and_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, told: str
) -> None:
    path = tmp_path / "settings.yaml"
    if text is not None:
        path.write_text(text)
    assert main(["operator", "--settings", str(path), "--namespace", "sys"]) == 2
    message = capsys.readouterr().err
    assert told in message
    assert str(path) in message


def test_good_settings_are_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(GOOD + "watchNamespaces: [team-a]\n")
    assert load_settings(path).watch_namespaces == ("team-a",)


def test_without_a_way_to_the_api_server_the_operator_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(GOOD)
    monkeypatch.setattr("kubernetes.aio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "none"))
    assert main(["operator", "--settings", str(path), "--namespace", "sys"]) == 2
    assert "KUBECONFIG" in capsys.readouterr().err


def test_the_namespace_is_the_given_one_or_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAMESPACE", "sys")
    monkeypatch.setenv("POD_NAME", "operator-1")
    assert [own_namespace("given"), own_namespace(None), own_name()] == ["given", "sys", "operator-1"]
    monkeypatch.delenv("POD_NAMESPACE")
    with pytest.raises(Unusable, match="POD_NAMESPACE"):
        own_namespace(None)


def test_the_definitions_are_written_and_checked(tmp_path: Path) -> None:
    assert main(["crds", "--output", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == 3
    assert main(["crds", "--check", "--output", str(tmp_path)]) == 0
    next(tmp_path.iterdir()).write_text("edited")
    assert main(["crds", "--check", "--output", str(tmp_path)]) == 1


def test_what_a_command_does_not_know_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["router-bootstrap", "--directory", str(tmp_path), "--wat"])
    assert "--wat" in capsys.readouterr().err


def test_a_route_timeout_that_is_no_number_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WEIRKEEPER_ROUTE_TIMEOUT", "soon")
    assert main(["router-bootstrap", "--directory", str(tmp_path)]) == 2
    assert "'soon'" in capsys.readouterr().err


def test_envoy_is_started_with_the_file_that_the_bootstrap_writes(tmp_path: Path) -> None:
    living = {**model(), "metadata": {"name": "churn", "namespace": "team-a", "uid": "u"}}
    deployment = next(one for one in router_objects("team-a", [living], SETTINGS) if one["kind"] == "Deployment")
    envoy = next(one for one in deployment["spec"]["template"]["spec"]["containers"] if one["name"] == "envoy")
    path = Path(envoy["args"][envoy["args"].index("--config-path") + 1])
    assert main(["router-bootstrap", "--directory", str(tmp_path)]) == 0
    assert (tmp_path / path.name).exists()


def test_a_log_line_is_one_json_object() -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "took %s\nturns", "args": (3,)})
    record.key = ("Model", "team-a", "churn")
    line = JsonLines().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["message"], told["key"], told["level"]) == ("took 3\nturns", ["Model", "team-a", "churn"], "info")
