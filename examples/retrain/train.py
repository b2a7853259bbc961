"""Train a model anew because a Monitor says so: the program of the CronJob in `retrain.yaml`.

It reads the rows whose truth has become known, trains on those of the window that moved and later, puts the bundle into
an object store at a path of its own, and names that path in the Model. The Rollout judges the rest: a model that is
worse comes to nothing, and the one that serves goes on.

Yours to change are `ROWS` (where your labelled rows are: anything that pandas reads as CSV, with the columns `label`
and `time`) and the estimator in `bundled`.
"""

import json
import os
import ssl
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import Request, urlopen

import pandas as pd
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import weirkeeper
from weirkeeper_server.digest import digest_of

LEAST_ROWS = 300
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def new_rows(source: str, since: str) -> pd.DataFrame:
    """Read the labelled rows from the window on that made the Monitor start this; too few are an error."""
    rows = pd.read_csv(source, parse_dates=["time"])
    new = rows[rows["time"] >= pd.Timestamp(since)].drop(columns="time")
    if len(new) < LEAST_ROWS:
        sys.exit(f"{len(new)} labelled rows since {since} in {source}; at least {LEAST_ROWS} are needed to train")
    return new


def bundled(rows: pd.DataFrame, path: Path) -> Path:
    """Train on three quarters of the rows and bundle with the others held out."""
    train, held_out = train_test_split(rows, random_state=0, stratify=rows["label"])
    inputs, labels = train.drop(columns="label"), train["label"]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, labels)
    tests = held_out.drop(columns="label"), held_out["label"]
    print(f"trained on {len(train)} rows; accuracy on {len(held_out)} others: {model.score(*tests):.1%}")
    return weirkeeper.bundle(model, inputs, path=path, held_out=tests)


def archived(folder: Path) -> Path:
    """Pack the files of a bundle into one archive beside it."""
    archive = folder.with_name(f"{folder.name}.tar.gz")
    with tarfile.open(archive, "w:gz") as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, file.name)
    return archive


def upload(file: Path, uri: str) -> None:
    """Put a file to `s3://BUCKET/KEY`; with boto3 at hand, `upload_file` does the same."""
    keys = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    region = os.environ.get("AWS_REGION", "us-east-1")
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    root = os.environ.get("AWS_ENDPOINT_URL")
    url = f"{root}/{bucket}/{key}" if root else f"https://{bucket}.s3.{region}.amazonaws.com/{key}"
    request = AWSRequest("PUT", url, data=file.read_bytes())
    S3SigV4Auth(keys, "s3", region).add_auth(request)
    signed = request.prepare()
    urlopen(Request(signed.url, signed.body, dict(signed.headers), method="PUT"), timeout=60).close()


def hand_over(name: str, namespace: str, artifact: dict[str, str]) -> None:
    """Name the new bundle in the Model, as its owner would; that starts an attempt."""
    host = f"https://{os.environ['KUBERNETES_SERVICE_HOST']}:{os.environ['KUBERNETES_SERVICE_PORT']}"
    place = f"{host}/apis/weirkeeper.dev/v1alpha1/namespaces/{namespace}/models/{name}"
    headers = {
        "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
        "Content-Type": "application/merge-patch+json",
    }
    body = json.dumps({"spec": {"artifact": artifact}}).encode()
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    urlopen(Request(place, body, headers, method="PATCH"), timeout=60, context=trusted).close()


def main() -> None:
    """Do all of it; an error on the way ends the Job as failed, and nothing that serves has changed."""
    told = {name: os.environ[f"WEIRKEEPER_{name}"] for name in ("MODEL", "NAMESPACE", "REASON", "WINDOW_START")}
    print(f"training {told['MODEL']} anew: {told['REASON']}")
    folder = bundled(new_rows(os.environ["ROWS"], told["WINDOW_START"]), Path(tempfile.mkdtemp()) / "bundle")
    archive = archived(folder)
    uri = f"{os.environ['STORE']}{told['MODEL']}/{datetime.now(UTC):%Y%m%dT%H%M%S}.tar.gz"
    upload(archive, uri)
    hand_over(told["MODEL"], told["NAMESPACE"], {"uri": uri, "sha256": digest_of(archive)})
    print(f"{told['MODEL']} names {uri} now")


if __name__ == "__main__":
    main()
