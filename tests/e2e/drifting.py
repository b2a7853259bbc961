"""A world that changes: whom customers resemble stays as it was, who of them leaves does not; and what trains anew."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import weirkeeper
from tests.cluster.places import CHECKOUT
from tests.corpus import artifacts
from tests.e2e import faults, models
from tests.e2e.conftest import Team

RETRAIN = CHECKOUT / "examples" / "retrain"
SECRET = "weirkeeper-artifact-s3"
BUCKET = "models"
COLUMNS = ("tenure", "spend")
ROWS = 2000
SURE = 6.0
"""How sharply customers part into those that leave and those that stay; about 93 % are told apart at best."""
CALM, MOVED = (-1.0, 0.0), (-0.6, 0.8)
"""Which way to leave: between the two lie 53 degrees, so that a model of the one is right of 7 in 10 in the other."""

STORE = """
import http.server, pathlib
class Store(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        path = pathlib.Path(self.translate_path(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8000), Store).serve_forever()
"""


def world(way: tuple[float, float], seed: int) -> pd.DataFrame:
    """Customers, and whether they leave."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(random.normal(size=(ROWS, 2)), columns=COLUMNS)
    leaves = random.random(ROWS) < 1.0 / (1.0 + np.exp(-SURE * (rows.to_numpy() @ np.array(way))))
    return rows.assign(label=np.where(leaves, "leave", "stay"))


def requests() -> str:
    """What the load generator asks, and what becomes known of it."""
    worlds = {"calm": world(CALM, 1), "moved": world(MOVED, 2)}
    document = {
        "columns": [{"name": name, "datatype": "FP64"} for name in COLUMNS],
        "sets": {name: rows[list(COLUMNS)].to_numpy().tolist() for name, rows in worlds.items()},
        "labels": {name: rows["label"].tolist() for name, rows in worlds.items()},
    }
    return json.dumps(document)


def first_bundle() -> bytes:
    """An archive of a model of the calm world."""
    train, held_out = train_test_split(world(CALM, 3), random_state=0)
    inputs = train[list(COLUMNS)]
    model = LogisticRegression().fit(inputs, train["label"])
    with tempfile.TemporaryDirectory() as folder:
        kept = held_out[list(COLUMNS)], held_out["label"]
        return artifacts.archive_of(weirkeeper.bundle(model, inputs, path=Path(folder) / "bundle", held_out=kept))


def turned_round() -> bytes:
    """An extract for training whose labels somebody coded the other way round."""
    rows = world(MOVED, 4)
    wrong = rows.assign(label=rows["label"].map({"leave": "stay", "stay": "leave"}), time="2100-01-01T00:00:00+00:00")
    return wrong.to_csv(index=False).encode()


def put(team: Team, path: str, content: bytes) -> None:
    """Put something into the store."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        team.cluster.run_inside("curl", "-sSf", "-T", file.name, f"{address(team)}/{BUCKET}/{path}")


def address(team: Team) -> str:
    return f"http://store.{team.kubectl.namespace}.svc:{faults.STORE_PORT}"


def prepare(team: Team) -> None:
    """Bring an object store with the first bundle, its Secret, and the program of the training."""
    secret = faults.secret(SECRET, address(team).removeprefix("http://"))
    team.kubectl.apply(*store(team.cluster.images["server"]), secret, program())
    team.kubectl("wait", "pod", "store", "--for=condition=Ready", "--timeout=120s")
    put(team, "churn/1.tar.gz", first_bundle())
    put(team, "extract.csv", turned_round())


def store(image: str) -> list[dict[str, Any]]:
    """A pod that keeps what is put into it, as a bucket that asks for no signature does, and its Service."""
    pod, service = faults.store(image, {})[1:]
    container = pod["spec"]["containers"][0]
    container["command"] = ["python3", "-c", STORE]
    container["workingDir"] = "/objects"
    container["volumeMounts"] = [{"name": "objects", "mountPath": "/objects"}]
    pod["spec"]["volumes"] = [{"name": "objects", "emptyDir": {}}]
    return [pod, service]


def program() -> dict[str, Any]:
    text = base64.b64encode((RETRAIN / "train.py").read_bytes()).decode()
    return models.config_map("churn-train", {"train.py": text})


def model() -> dict[str, Any]:
    artifact = {"uri": f"s3://{BUCKET}/churn/1.tar.gz", "secretRef": {"name": SECRET}}
    return models.model_of({"artifact": artifact})


def training(team: Team, rows: str) -> list[dict[str, Any]]:
    """The example's CronJob and its rights, with the image of this checkout and this source of rows."""
    found: list[dict[str, Any]] = list(yaml.safe_load_all((RETRAIN / "retrain.yaml").read_text()))
    pod = found[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    container["image"] = team.cluster.images["server"]
    (source,) = (one for one in container["env"] if one["name"] == "ROWS")
    source["value"] = rows
    for document in found:
        for subject in document.get("subjects", ()):
            subject["namespace"] = team.kubectl.namespace
    return found


def rollout() -> dict[str, Any]:
    """The example's, with short steps."""
    found: dict[str, Any] = yaml.safe_load((RETRAIN / "rollout.yaml").read_text())
    gates = [{"name": "errors", "errorRate": {"objective": "95"}}, *found["spec"]["gates"][1:]]
    found["spec"] |= {"steps": [{"name": "half", "weight": 50, "hold": "10s"}], "gates": gates, "bakeTime": "10s"}
    return found


def monitor() -> dict[str, Any]:
    """The example's, with short windows; its cooldown of a day lets one training begin."""
    found: dict[str, Any] = yaml.safe_load((RETRAIN / "monitor.yaml").read_text())
    spec = found["spec"]
    spec["window"] = {"size": "1m", "minRows": 200}
    (action,) = spec["actions"]
    action.pop("for", None)
    return found


def conditions(found: Mapping[str, Any] | None) -> dict[str, str]:
    """What a Monitor says, by condition."""
    return {one["type"]: one["reason"] for one in ((found or {}).get("status") or {}).get("conditions", ())}
