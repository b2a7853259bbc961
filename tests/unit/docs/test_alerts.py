"""Rules for Alertmanager that the pages show: Prometheus takes them, and they fire when they should."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.programs import promtool
from tests.unit.docs.markdown import DOCS, blocks

CHURN = '{namespace="team-a",model="churn"}'


def rules_of(page: str) -> str:
    (found,) = [block for block in blocks((DOCS / page).read_text(), "yaml") if block.startswith("groups:")]
    return found


def checked(folder: Path, *words: str) -> None:
    done = subprocess.run([str(promtool()), *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["how-to/watch-drift.md", "how-to/read-a-roll-back.md"])
def test_prometheus_takes_the_rules(page: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(rules_of(page))
    checked(tmp_path, "check", "rules", "rules.yaml")


@pytest.mark.parametrize(("values", "fires"), [("0x5 1x20", True), ("0x5 1x5 0x20", False), ("0x30", False)])
def test_a_spec_that_is_not_served_is_told_after_ten_minutes_and_not_before(
    values: str, *, fires: bool, tmp_path: Path
) -> None:
    (tmp_path / "rules.yaml").write_text(rules_of("how-to/read-a-roll-back.md"))
    told = {
        "exp_labels": {"namespace": "team-a", "model": "churn"},
        "exp_annotations": {"summary": "the spec of team-a/churn asks for a revision that was turned down"},
    }
    case = {
        "interval": "1m",
        # Both operator processes tell it; one of them leads.
        "input_series": [
            {"series": f"weirkeeper_model_spec_rejected{CHURN[:-1]},pod={pod!r}}}".replace("'", '"'), "values": values}
            for pod in ("a", "b")
        ],
        "alert_rule_test": [{"eval_time": "20m", "alertname": "SpecNotServed", "exp_alerts": [told] if fires else []}],
    }
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [case]}))
    checked(tmp_path, "test", "rules", "test.yaml")
