"""What lint says of a file, and what diff says of two revisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.api.cases import CASES, SMALLEST, Case
from weirkeeper.api.names import API_VERSION
from weirkeeper.api.rollout import RolloutSpec
from weirkeeper.delivery import latency_gate
from weirkeeper.plugin.cli import main
from weirkeeper.plugin.differing import difference
from weirkeeper.plugin.errors import PluginError
from weirkeeper.plugin.linting import FREEZE_REQUESTS, FREEZE_SECONDS, attempt_seconds, lint
from weirkeeper.plugin.traffic import Traffic

EXAMPLES = Path(__file__).parents[3] / "examples"


def at(rate: float) -> Callable[[str, str], Traffic]:
    return lambda _namespace, _model: Traffic(rate, "")


def written(kind: str, spec: Any, name: str = "churn") -> str:
    return yaml.safe_dump({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize("case", [case for case in CASES if case.field != "modelRef"], ids=str)
def test_what_the_api_server_refuses_is_an_error(case: Case) -> None:
    if case.kind in SMALLEST:
        found = [finding for finding in lint(written(case.kind, case.refused())) if finding.level == "error"]
        assert found
        assert not [one for one in lint(written(case.kind, case.accepted())) if one.level == "error"]


@pytest.mark.parametrize("name", ["Churn", "7th", "a" * 41])
def test_a_models_name_is_checked(name: str) -> None:
    assert "metadata.name" in lint(written("Model", SMALLEST["Model"], name))[0].message


def test_an_unknown_kind_and_a_second_rollout_are_errors() -> None:
    [found] = lint(written("Modell", {}))
    assert (found.level, found.subject) == ("error", "Modell churn")
    twice = "---\n".join(written("Rollout", SMALLEST["Rollout"], name) for name in ("a", "b"))
    [found] = lint(twice)
    assert found.message == "Rollout a governs Model churn already: only the older one counts"


def test_advice_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(written("Model", {"artifact": {"uri": "s3://models/churn/7/"}}))
    assert main(["lint", str(file)]) == 0
    assert "advice: Model churn: spec.artifact.sha256 is not given" in capsys.readouterr().out


def test_errors_have_an_exit_code_of_their_own_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rollout.yaml"
    file.write_text(written("Rollout", {"modelRef": {"name": "churn"}, "steps": [{"weight": 50}, {"weight": 5}]}))
    assert main(["lint", str(file), "-o", "json"]) == 1
    [found] = json.loads(capsys.readouterr().out)
    assert (found["level"], found["subject"]) == ("error", "Rollout churn")
    assert "ascend" in found["message"]


@pytest.mark.parametrize("text", ["a: [", "a: 1"])
def test_what_is_no_file_of_ours_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    file = tmp_path / "other.yaml"
    file.write_text(text)
    assert main(["lint", str(file)]) == 2
    assert main(["lint", str(tmp_path / "none.yaml")]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_low_traffic_takes_long_and_large_steps_less() -> None:
    default = RolloutSpec.model_validate(SMALLEST["Rollout"])
    large = RolloutSpec.model_validate({**SMALLEST["Rollout"], "steps": [{"weight": 50, "hold": "5m"}]})
    assert attempt_seconds(default, 1000.0) == 900
    assert attempt_seconds(large, 1.0) == pytest.approx(974)
    steps = [{"mirror": 100, "hold": "10m"}, {"match": {"headers": [{"name": "x-a", "value": "b"}]}, "hold": "1h"}]
    staged = RolloutSpec.model_validate(
        {"modelRef": {"name": "churn"}, "steps": [*steps, {"weight": 50, "hold": "10m"}]}
    )
    assert attempt_seconds(staged, 1000.0) == 600 + 3600 + 600
    assert attempt_seconds(default, 0.01) > attempt_seconds(large, 0.01)
    errors = {**SMALLEST["Rollout"], "gates": [{"name": "errors", "errorRate": {}}]}
    told = [finding.message for finding in lint(written("Rollout", errors), at(0.01))]
    assert told[0].startswith("at 0.01 requests/s an attempt takes about ")
    assert "few large steps" in told[1]
    assert len(lint(written("Rollout", SMALLEST["Rollout"]), at(1000.0))) == 1


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        pytest.param({}, [], id="the defaults"),
        pytest.param({"strategy": "AllAtOnce", "steps": [{"weight": 5}]}, ["spec.steps are not used"], id="no steps"),
        pytest.param(
            {"strategy": "AllAtOnce", "gates": [{"name": "answers", "outputs": {}}]},
            ["without steps nothing is compared with stable: answers will be shown"],
            id="nothing to compare with",
        ),
        pytest.param(
            {"steps": [{"mirror": 100}], "gates": [{"name": "right", "feedback": {"metric": "Accuracy"}}]},
            ["gate right judges steps with a weight alone"],
            id="copies bring no labels",
        ),
        pytest.param(
            {
                "steps": [{"mirror": 100, "requirePass": True}, {"weight": 50, "hold": "2h"}],
                "gates": [{"name": "right", "feedback": {"metric": "Accuracy"}}],
            },
            ["has requirePass and waits for gate right, which judges steps with a weight alone"],
            id="a Pass of copies",
        ),
        pytest.param(
            {"gates": [{"name": "right", "feedback": {"metric": "Accuracy", "minLabels": 300}}]},
            ["waits for 300 labelled rows of the candidate, at weight 50 those of about 600 of all"],
            id="short steps for labels",
        ),
        pytest.param(
            {"gates": [{"name": "right", "feedback": {"metric": "Accuracy"}, "blocks": "Nothing"}]}, [], id="only shown"
        ),
    ],
)
def test_gates_that_cannot_decide_are_told_with_what_they_take(spec: dict[str, Any], told: list[str]) -> None:
    found = [finding.message for finding in lint(written("Rollout", {**SMALLEST["Rollout"], **spec}))]
    assert len(found) == len(told)
    assert all(words in message for words, message in zip(told, found, strict=True))


def test_where_latency_cannot_be_compared_no_attempt_begins() -> None:
    [found] = lint(written("Rollout", SMALLEST["Rollout"]), at(0.8))
    assert found.message.startswith("at 0.8 requests/s no attempt leaves weight 0: gate latency takes its thresholds")
    assert (FREEZE_REQUESTS, FREEZE_SECONDS) == (latency_gate.FREEZE_REQUESTS, latency_gate.FREEZE_SECONDS)
    [found] = lint(written("Rollout", SMALLEST["Rollout"]), at(0.9))
    assert "an attempt takes about" in found.message


def revision(name: str, **content: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"content": content, "image": "server:1", "pod": {"a": name}}}


def test_diff_names_the_fields_that_changed() -> None:
    first = revision("churn-aa", artifact={"uri": "s3://models/6/", "sha256": "ab"}, parameters={"threshold": "0.4"})
    second = revision("churn-bb", artifact={"uri": "s3://models/7/"}, parameters={"threshold": "0.4"})
    assert difference([first, second], "churn-aa", "churn-bb") == [
        "- artifact.sha256: ab",
        "- artifact.uri: s3://models/6/",
        "+ artifact.uri: s3://models/7/",
    ]
    with pytest.raises(PluginError, match="there is no revision churn-cc; there are: churn-aa, churn-bb"):
        difference([first, second], "churn-aa", "churn-cc")


def test_how_long_an_attempt_takes_is_told_apart_from_labels() -> None:
    labelled = {**SMALLEST["Rollout"], "gates": [{"name": "right", "feedback": {"metric": "Accuracy"}}]}
    told = [finding.message for finding in lint(written("Rollout", labelled), at(1000.0))]
    assert told[-1].endswith("until it is promoted, apart from what labels take to come back")


@pytest.mark.parametrize(("count", "told"), [(0, "too short; give at least 1"), (40, "too long; give at most ")])
def test_how_many_there_may_be_is_said_in_words_of_yaml(count: int, told: str) -> None:
    many = {**SMALLEST["Rollout"], "steps": [{"weight": 1 + number} for number in range(count)]}
    (found,) = lint(written("Rollout", many))
    assert f"spec.steps is {told}" in found.message
