"""Every block of the pages that need no cluster is run as it stands, and says what the page shows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.harness.following import Follower
from tests.harness.pages import FOLDER, fences, run_by
from tests.unit.docs import churn
from weirkeeper.api.bundle import Signature, Tensor
from weirkeeper.client.columns import inputs_of
from weirkeeper.client.errors import UnfitRows

MAKES_THE_BUNDLE = "docs/how-to/bundle-a-model.md"
COMPARES_FILES = "docs/how-to/compare-two-files.md"


def free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in with_ports]
    for each in with_ports:
        each.close()
    return ports


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Follower]:
    """Somebody who has made the bundle as the page says, and serves it."""
    folder = tmp_path_factory.mktemp("reader")
    known = churn.fill(folder)
    http, grpc, evidence = free_ports(3)
    ports = f"--http-port {http} --grpc-port {grpc} --evidence-port {evidence}"
    says = {
        "weirkeeper serve churn-7": f"weirkeeper serve churn-7 --model churn {ports}",
        "weirkeeper predict model": "weirkeeper predict churn",
        "localhost:8080": f"localhost:{http}",
        "localhost:8083": f"localhost:{grpc}",
    }
    # What is addressed by a name of the cluster goes to that server.
    proxy = {"http_proxy": f"http://127.0.0.1:{http}", "no_proxy": "localhost,127.0.0.1"}
    someone = Follower("folder", folder, proxy, says, known)
    try:
        page = someone.open(MAKES_THE_BUNDLE)
        page.through("weirkeeper serve")
        someone.run(f"curl --silent --retry 100 --retry-connrefused --retry-delay 1 localhost:{http}/v2/health/ready")
        known.update(churn.of_faith(folder))
        page.rest()
        known.update(churn.of_all(folder))
        yield someone
    finally:
        someone.close()


def test_what_compares_files(tmp_path: Path) -> None:
    churn.months(tmp_path)
    someone = Follower("folder", tmp_path)
    page = someone.open(COMPARES_FILES)
    page.through("weirkeeper drift january.csv june.parquet\n", statuses=(3,))
    page.through("--save-profile", statuses=(3,))
    page.through("case $status in")
    assert page.told.splitlines()[-1] == "drift: drift in 2 of 14 features over 8,000 rows"
    page.rest()
    assert someone.known["result"].state == "Drifting"


@pytest.mark.parametrize("page", [page for page in FOLDER if page not in {MAKES_THE_BUNDLE, COMPARES_FILES}])
def test_a_page_with_a_served_model(reader: Follower, page: str) -> None:
    reader.open(page).rest()


def test_what_cannot_be_sent_is_told_as_the_page_shows() -> None:
    rows = pd.DataFrame({"visits": [3] * 17 + [3.5], "region": [7] * 18})
    tensors = [
        Tensor(name="visits", datatype="INT64", shape=(-1,)),
        Tensor(name="region", datatype="BYTES", shape=(-1,)),
    ]
    told = []
    for tensor in tensors:
        with pytest.raises(UnfitRows) as refused:
            inputs_of(rows.astype(object), Signature(inputs=(tensor,), outputs=(tensor,)))
        told.append(str(refused.value))
    (shown,) = [fence.text for fence in fences("docs/how-to/ask-a-model.md") if fence.language == "text"]
    assert told == shown.splitlines()


def test_a_bundle_has_the_files_that_the_page_shows(reader: Follower) -> None:
    (shown,) = [fence.text for fence in fences("docs/reference/bundle.md") if fence.language == "text"]
    files = {path.name for path in (reader.folder / "churn-7").iterdir()}
    assert {line.split()[0] for line in shown.splitlines()[1:]} == files


def test_every_block_of_these_pages_was_run(reader: Follower) -> None:
    """Comes after the others; what compares files is a reader of its own."""
    left = {fence.page for fence in run_by("folder") if str(fence) not in reader.done}
    assert left <= {COMPARES_FILES}
