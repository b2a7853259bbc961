"""Asking a served model by a frame: types, batches, and errors that name the column."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

import weirkeeper
from tests.unit.bundling.serving import served
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling import maker
from weirkeeper.client.cli import add_parser
from weirkeeper.client.connection import address_of
from weirkeeper.client.errors import AskingError, NoAnswer, RequestRefused, UnfitRows, UnusableAddress


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maker, "verify", lambda *_: None)
        return maker.bundle(fitted(), rows(), path=tmp_path_factory.mktemp("bundles") / "churn")


@pytest.fixture
async def url(bundle: Path) -> AsyncIterator[str]:
    async with served(bundle) as address:
        yield address


async def predict(*given: Any, **options: Any) -> pd.DataFrame:
    return await asyncio.to_thread(weirkeeper.predict, *given, **options)


async def test_answers_come_with_the_rows_index_whatever_the_batches(url: str) -> None:
    frame = rows().set_index(pd.Index([f"customer {number}" for number in range(200)]))
    whole = await predict(url, frame)
    parts = await predict(url, frame.assign(surplus=1)[["surplus", "region", "visits", "income"]], batch_rows=7)
    pd.testing.assert_frame_equal(whole, parts)
    assert whole.index.equals(frame.index)
    assert whole.columns.tolist() == ["predict", "predict_proba[0]", "predict_proba[1]"]
    assert whole["predict"].tolist() == fitted().predict(frame).tolist()
    assert whole.dtypes.iloc[1:].tolist() == [np.float64, np.float64]
    assert parts.attrs["revisions"] == {"tested-1": 200}


async def test_one_output_may_be_chosen(url: str) -> None:
    assert (await predict(url, rows(), outputs=["predict"])).columns.tolist() == ["predict"]
    with pytest.raises(RequestRefused, match="answers 400: unknown output 'score'; this model gives 'predict'"):
        await predict(url, rows(), outputs=["score"])


async def test_columns_are_sent_in_the_types_of_the_model(url: str) -> None:
    """Whole numbers that pandas holds as floats, categories, pandas' own strings and integers."""
    usual = await predict(url, rows())
    other = rows().assign(
        visits=rows()["visits"].astype("float64"),
        income=rows()["income"].astype("float64").astype("Float64"),
        region=rows()["region"].astype("category"),
    )
    pd.testing.assert_frame_equal(usual, await predict(url, other))
    pd.testing.assert_frame_equal(usual, await predict(url, rows().astype({"visits": "Int64", "region": "string"})))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda f: f.drop(columns=["income", "region"]),
            "column 'income', 'region' is missing; the model takes 'income'",
        ),
        (
            lambda f: f.assign(visits=f["visits"].where(f.index != 4)),
            "column 'visits' has no value at index 4; INT64 has",
        ),
        (
            lambda f: f.assign(visits=f["visits"] + 0.5),
            r"column 'visits' has \d+\.5 \(float\) at index 0; the model takes INT64",
        ),
        (lambda f: f.assign(visits=1e30), r"column 'visits' has 1e\+30 .*takes INT64"),
        (lambda f: f.assign(visits=True), r"column 'visits' has True \(bool\) at index 0; the model takes INT64"),
        (lambda f: f.assign(region=7), r"column 'region' has 7 \(int\) at index 0; the model takes BYTES"),
        (lambda f: f.assign(income="much"), r"column 'income' has 'much' \(str\) at index 0; the model takes FP64"),
        (lambda f: f.assign(income=np.inf), r"column 'income' has inf .*takes FP64"),
        (lambda f: f.assign(income=pd.Timestamp("2026-11-21")), r"column 'income' has Timestamp.*takes FP64"),
        (lambda f: f.iloc[:0], "there are no rows to ask about"),
        (lambda f: f[["income", "visits", "region", "income"]], "column 'income' is there twice"),
        (lambda f: f.to_numpy(), "the model takes named columns; give a frame with 'income'"),
    ],
)
async def test_rows_that_do_not_fit_are_told_by_column(
    url: str, change: Callable[[pd.DataFrame], Any], message: str
) -> None:
    with pytest.raises(UnfitRows, match=message):
        await predict(url, change(rows()))


async def test_the_servers_own_refusals_come_through(url: str, bundle: Path) -> None:
    lacking = rows().assign(income=rows()["income"].where(rows().index != 3))
    with pytest.raises(RequestRefused, match=r"answers 400: input 'income' has null at position 3") as caught:
        await predict(url, lacking)
    assert caught.value.status == 400
    async with served(bundle, limits={"maxRows": 10}) as small:
        with pytest.raises(RequestRefused, match="at most 10 in one request: split it; ask with batch_rows below 20"):
            await predict(small, rows(), batch_rows=20)
        assert len(await predict(small, rows(), batch_rows=10)) == 200
    with pytest.raises(RequestRefused, match="answers 404: unknown model 'others'"):
        await predict(url.replace("tested", "others"), rows())
    with pytest.raises(UnfitRows, match="batch_rows is 0; give at least 1"):
        await predict(url, rows(), batch_rows=0)


async def test_nobody_at_the_address_is_said(unused_tcp_port: int) -> None:
    with pytest.raises(NoAnswer, match=r"nobody answers at .*Connection refused; check the address"):
        await predict(f"http://127.0.0.1:{unused_tcp_port}/v2/models/churn", rows())


METADATA = {
    "name": "churn",
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1]}],
    "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1]}],
}
GOOD = {"name": "y", "datatype": "FP64", "shape": [1], "data": [1.0]}


@pytest.mark.parametrize(
    ("metadata", "answer", "message"),
    [
        ([], {}, "something else than a JSON object"),
        ({"name": "churn"}, {}, "describes no model of columns or matrices: inputs"),
        ({**METADATA, "inputs": [{**METADATA["inputs"][0], "shape": [-1, 3, 8, 8]}]}, {}, "describes no model"),  # type: ignore[dict-item]
        (METADATA, {"outputs": [{**GOOD, "shape": [2]}]}, "an output that cannot be read"),
        (METADATA, {"outputs": [{**GOOD, "data": ["a"]}]}, "an output that cannot be read"),
        (METADATA, {"outputs": [{"name": "y"}]}, "an output that cannot be read"),
        (METADATA, {"outputs": [{**GOOD, "shape": [2], "data": [1, 2]}]}, "output 'y' has 2 rows; 1 were asked about"),
    ],
)
async def test_who_does_not_speak_the_protocol_is_found_out(metadata: Any, answer: Any, message: str) -> None:
    async def describe(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps(metadata))

    async def infer(_: web.Request) -> web.Response:
        return web.Response(text=json.dumps(answer))

    application = web.Application()
    application.add_routes([web.get("/v2/models/churn", describe), web.post("/v2/models/churn/infer", infer)])
    async with TestServer(application) as other:
        with pytest.raises(NoAnswer, match=message):
            await predict(str(other.make_url("/v2/models/churn")), pd.DataFrame({"x": [1.0]}))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (("http://localhost:8080/v2/models/churn",), "http://localhost:8080/v2/models/churn"),
        (("https://gate.example/team/v2/models/churn/infer",), "https://gate.example/team/v2/models/churn"),
        (
            ("http://localhost:8080/v2/models/churn/versions/churn-1/",),
            "http://localhost:8080/v2/models/churn/versions/churn-1",
        ),
        (("https://gate.example/v2/models/churn/feedback",), "https://gate.example/v2/models/churn"),
        (("churn",), "http://churn/v2/models/churn"),
        (("churn.team-a",), "http://churn.team-a/v2/models/churn"),
        (("churn", None, "team-a"), "http://churn.team-a.svc/v2/models/churn"),
        (("churn", "http://localhost:8080/"), "http://localhost:8080/v2/models/churn"),
    ],
)
def test_a_model_has_an_address(given: tuple[Any, ...], address: str) -> None:
    assert address_of(*given) == address


@pytest.mark.parametrize(
    "given",
    [("Churn!",), ("",), ("file:///etc/v2/models/churn",), ("http://localhost:8080",), ("http:///v2/models/churn",),
     ("churn", "localhost:8080"), ("http://localhost/v2/models/churn", "http://localhost")],
)  # fmt: skip
def test_what_is_no_address_is_said(given: tuple[Any, ...]) -> None:
    with pytest.raises(UnusableAddress):
        address_of(*given)


def run(*argv: object) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(argument) for argument in argv])
    return int(arguments.run(arguments))


async def test_a_file_is_answered_some_rows_at_a_time(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows().assign(surplus=1).to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / "answers.csv"
    given = ["predict", url, str(tmp_path / "rows.csv"), "--batch-rows", "30"]
    assert await asyncio.to_thread(run, *given, "--out", out) == 0
    assert capsys.readouterr().err == "weirkeeper: 200 rows answered: 200 by tested-1\n"
    assert pd.read_csv(out)["predict"].tolist() == fitted().predict(rows()).tolist()
    assert await asyncio.to_thread(run, *given, "--output", "predict") == 0
    assert capsys.readouterr().out.splitlines() == ["predict", *pd.read_csv(out)["predict"]]
    host = url.partition("/v2")[0]
    assert await asyncio.to_thread(run, "predict", "tested", tmp_path / "rows.csv", "--url", host) == 0


async def test_strings_that_look_like_numbers_stay_strings(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("income,visits,region\n50000,3,007\n")
    assert await asyncio.to_thread(run, "predict", url, tmp_path / "rows.csv") == 1
    assert "500" in capsys.readouterr().err, "the model knows no region 007, and was asked about that"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("income,visits\n1,2\n", "column 'region' is missing"),
        ("income,visits,region\n1,2,north\n1,many,north\n", "column 'visits' has"),
        ("", "is no CSV file"),
        ('"', "is no CSV file"),
        ("income,visits,region\n", "there are no rows to ask about"),
        (None, "No such file"),
    ],
)
async def test_a_file_that_will_not_do_is_said(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "rows.csv").write_text(content)
    assert await asyncio.to_thread(run, "predict", url, tmp_path / "rows.csv") == 1
    assert message in capsys.readouterr().err


def test_every_error_is_one_of_asking() -> None:
    assert all(issubclass(error, AskingError) for error in (NoAnswer, RequestRefused, UnfitRows, UnusableAddress))
