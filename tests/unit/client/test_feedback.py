"""Sending labels back: how rows become posts, and what a file's sending does when it is interrupted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import weirkeeper
from weirkeeper.client.errors import NoAnswer, RequestRefused, UnusableLabels
from weirkeeper.client.feedback import LabelledRow, items_of
from weirkeeper.client.label_file import read_rows, state_file
from weirkeeper.runtime.cli import main


@dataclass
class Model:
    """A server that counts every label but those that are `wrong`, and takes `most` posts before it fails."""

    posts: list[list[dict[str, Any]]] = field(default_factory=list)
    most: int = 1_000
    url: str = ""

    def answer(self, items: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        if len(self.posts) >= self.most:
            return 503, {"error": "the model is draining"}
        self.posts.append(items)
        wrong = [
            {"item": number, "row": row, "reason": "WrongLabel", "message": "none of the classes"}
            for number, item in enumerate(items)
            for row, label in zip(item["rows"], item["labels"], strict=True)
            if label == "wrong"
        ]
        counted = sum(len(item["rows"]) for item in items) - len(wrong)
        reasons = {"WrongLabel": len(wrong)} if wrong else {}
        return 200, {"counted": counted, "refused": len(wrong), "reasons": reasons, "refusals": wrong}


@pytest.fixture
def model() -> Iterator[Model]:
    served = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.path == "/v2/models/churn/feedback"
            status, answer = served.answer(body["items"]) if known else (404, {"error": "unknown model"})
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_rows_of_one_token_go_together() -> None:
    rows = [LabelledRow("a", 0, "x"), LabelledRow("b", 0, "y", 2.0), LabelledRow("a", 1), LabelledRow("a", 0, "z")]
    assert items_of(rows) == [
        {"token": "a", "rows": [0, 1], "labels": ["x", None], "values": [None, None]},
        {"token": "b", "rows": [0], "labels": ["y"], "values": [2.0]},
        {"token": "a", "rows": [0], "labels": ["z"], "values": [None]},
    ]


def test_a_notebook_sends_arrays(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.client.feedback.BATCH_ROWS", 2)
    labels = np.array([1.0, np.nan, 0.0])
    receipt = weirkeeper.feedback(
        "churn", ["a", "a", "b"], labels.tolist(), rows=[0, 1, 0], values=[None, 2.5, None], url=model.url
    )
    assert receipt.counted == 3
    assert model.posts == [
        [{"token": "a", "rows": [0, 1], "labels": [1.0, None], "values": [None, 2.5]}],
        [{"token": "b", "rows": [0], "labels": [0.0], "values": [None]}],
    ]


def test_a_notebook_is_told_what_was_refused(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weirkeeper.client.feedback.BATCH_ROWS", 2)
    receipt = weirkeeper.feedback("churn", ["a", "b", "c"], ["x", "wrong", "wrong"], url=model.url)
    assert (receipt.counted, receipt.refused) == (1, {"WrongLabel": 2})
    assert receipt.messages == [
        "token 1, row 0: WrongLabel: none of the classes",
        "token 2, row 0: WrongLabel: none of the classes",
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tokens": ["a"]}, "neither labels nor values"),
        ({"tokens": ["a", "b"], "labels": ["x"]}, "1 labels for 2 tokens"),
    ],
)
def test_lists_that_do_not_fit_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableLabels, match=message):
        weirkeeper.feedback("churn", **given)


def test_a_server_that_refuses_is_quoted(model: Model) -> None:
    with pytest.raises(RequestRefused, match="answers 404: unknown model"):
        weirkeeper.feedback("fraud", ["a"], ["x"], url=model.url)
    with pytest.raises(NoAnswer, match="nobody answers"):
        weirkeeper.feedback("churn", ["a"], ["x"], url="http://127.0.0.1:1")


def written(folder: Path, lines: list[str], header: str = "token,row,label,value") -> Path:
    file = folder / "labels.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    return file


def send(file: Path, model: Model, *more: str) -> int:
    return main(["feedback", "churn", str(file), "--url", model.url, "--batch-rows", "2", *more])


def test_a_file_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, ["a,0,stay,", "a,1,,2.5", "b,,leave,"])
    assert list(read_rows(file)) == [
        LabelledRow("a", 0, "stay"),
        LabelledRow("a", 1, None, "2.5"),
        LabelledRow("b", 0, "leave"),
    ]


@pytest.mark.parametrize(
    ("header", "line", "message"),
    [
        ("label", "stay", "has columns label; it needs token"),
        ("token,truth", "a,stay", "it needs token, and label or value"),
        ("token,label", ",stay", "line 2: no token"),
        ("token,row,label", "a,first,stay", "line 2: row is 'first'"),
        ("token,row,label", "a,-1,stay", "line 2: row is '-1'"),
    ],
)
def test_a_file_of_another_form_is_refused(
    tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str], header: str, line: str, message: str
) -> None:
    assert send(written(tmp_path, [line], header), model) == 1
    assert message in capsys.readouterr().err
    assert model.posts == []


def test_a_file_is_sent_and_told(tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, ["a,0,stay,", "b,0,wrong,", "c,0,stay,"])
    assert send(file, model) == 3
    told = capsys.readouterr()
    assert "of 3 rows 2 counted, 1 refused" in told.out
    assert "1 WrongLabel" in told.err
    assert "3/3" in told.err
    assert [len(items) for items in model.posts] == [2, 1]


def test_an_interrupted_file_goes_on_where_it_ended(
    tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, [f"t{number},0,stay," for number in range(6)])
    model.most = 2
    assert send(file, model) == 1
    assert "answers 503: the model is draining" in capsys.readouterr().err
    model.most = 1_000
    assert send(file, model) == 0
    assert "of 6 rows 6 counted, 0 refused" in capsys.readouterr().out
    assert [item["token"] for items in model.posts for item in items] == [f"t{number}" for number in range(6)]
    assert send(file, model) == 0
    assert len(model.posts) == 3


def test_another_file_under_the_same_name_is_not_taken_for_it(
    tmp_path: Path, model: Model, capsys: pytest.CaptureFixture[str]
) -> None:
    assert send(written(tmp_path, ["a,0,stay,"]), model) == 0
    file = written(tmp_path, ["b,0,stay,"])
    assert send(file, model) == 1
    assert "is of another content" in capsys.readouterr().err
    state_file(file).write_text("half")
    assert send(file, model) == 1
    assert "cannot be read; delete it" in capsys.readouterr().err
    state_file(file).unlink()
    assert send(file, model) == 0


def test_ctrl_c_is_no_failure_of_the_file(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("weirkeeper.client.connection.Connection.feedback", lambda *_: interrupt(None))
    assert send(written(tmp_path, ["a,0,stay,"]), model) == 1
    assert "interrupted; the same command goes on" in capsys.readouterr().err
