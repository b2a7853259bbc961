from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from tests.corpus import onnx_models
from tests.unit.server.churn import fitted, rows
from weirkeeper.bundling.cli import add_parsers
from weirkeeper_server.bundle import read_bundle
from weirkeeper_server.digest import digest_of


def run(*argv: object) -> int:
    parser = argparse.ArgumentParser()
    add_parsers(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(argument) for argument in argv])
    return int(arguments.run(arguments))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    rows().to_csv(tmp_path / "sample.csv", index=False)
    return tmp_path / "sample.csv"


@pytest.mark.usefixtures("unverified")
def test_a_skops_file_and_a_sample_make_a_bundle(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skops.io.dump(fitted(), tmp_path / "model.skops")
    assert run("bundle", "--from-skops", tmp_path / "model.skops", "--data", sample, tmp_path / "out") == 0
    assert read_bundle(tmp_path / "out").sha256 in capsys.readouterr().out


@pytest.mark.usefixtures("unverified")
def test_a_pickle_is_converted_with_a_word_of_warning(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joblib.dump(fitted(), tmp_path / "model.joblib")
    assert run("bundle", "--from-joblib", tmp_path / "model.joblib", "--data", sample, tmp_path / "out") == 0
    assert "runs whatever code it holds" in capsys.readouterr().err
    assert read_bundle(tmp_path / "out").manifest.classes == ("leave", "stay")


@pytest.mark.usefixtures("unverified")
def test_a_model_fitted_without_names_takes_the_sample_as_a_matrix(tmp_path: Path) -> None:
    numbers = rows()[["income", "visits"]]
    numbers.to_csv(tmp_path / "sample.csv", index=False)
    skops.io.dump(LinearRegression().fit(numbers.to_numpy(), numbers["visits"]), tmp_path / "model.skops")
    assert (
        run("bundle", "--from-skops", tmp_path / "model.skops", "--data", tmp_path / "sample.csv", tmp_path / "o") == 0
    )
    assert read_bundle(tmp_path / "o").manifest.signature.inputs[0].shape == (-1, 2)


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("model.pkl", "sample.csv", "is a pickle, which can run any code"),
        ("nothing.skops", "sample.csv", "No such file"),
        ("model.skops", "nothing.csv", "No such file"),
        ("model.skops", "empty.csv", "is no CSV file"),
        ("model.skops", "other.csv", "the sample lacks income, visits, region"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str], model: str, data: str, message: str
) -> None:
    skops.io.dump(fitted(), tmp_path / "model.skops")
    joblib.dump(fitted(), tmp_path / "model.pkl")
    (sample.parent / "empty.csv").touch()
    (sample.parent / "other.csv").write_text("a,b\n1,2\n")
    assert run("bundle", "--from-skops", tmp_path / model, "--data", tmp_path / data, tmp_path / "out") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def labelled(folder: Path, name: str, count: int) -> Path:
    frame = rows(count)
    frame.assign(left=["stay" if income > 50_000 else "leave" for income in frame["income"]]).to_csv(
        folder / name, index=False
    )
    return folder / name


@pytest.mark.usefixtures("unverified")
def test_labelled_rows_give_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    joblib.dump(fitted(), tmp_path / "model.joblib")
    given = ["bundle", "--from-joblib", tmp_path / "model.joblib", "--data", labelled(tmp_path, "rows.csv", 200)]
    assert run(*given, "--label", "left", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "(Wilson, 200 rows, of the sample, which the model may have learnt from)" in told
    assert run(*given, "--label", "left", "--held-out", labelled(tmp_path, "kept.csv", 80), tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()[:-1]] == [
        metric.metric for metric in read_bundle(tmp_path / "out").profile.performance
    ]
    assert "80 rows, held out" in told
    assert "left" not in [tensor.name for tensor in read_bundle(tmp_path / "out").manifest.signature.inputs]


def test_an_onnx_model_and_a_sample_make_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(onnx_models.linear().SerializeToString())
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    given = ["bundle", "--from-onnx", tmp_path / "model.onnx", "--data", tmp_path / "rows.csv"]
    assert run(*given, tmp_path / "out") == 0
    assert read_bundle(tmp_path / "out").manifest.runtime == "ONNX"


@pytest.mark.usefixtures("unverified")
def test_a_vectoriser_takes_the_one_column_of_texts(tmp_path: Path) -> None:
    texts = ["late", "broken", "all well", "well packed"]
    skops.io.dump(make_pipeline(CountVectorizer(), MultinomialNB()).fit(texts, [1, 1, 0, 0]), tmp_path / "model.skops")
    (tmp_path / "rows.csv").write_text("\n".join(["note", *texts]))
    given = ["bundle", "--from-skops", tmp_path / "model.skops", "--data", tmp_path / "rows.csv"]
    assert run(*given, tmp_path / "out") == 0
    described = read_bundle(tmp_path / "out").manifest.signature.inputs[0]
    assert (described.name, described.datatype, described.shape) == ("note", "BYTES", (-1,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--held-out", "sample.csv"], "--held-out needs --label"),
        (["--label", "left"], "has no column 'left' with labels; it has income, visits, region"),
        (["--label", "region"], "the sample lacks region"),
    ],
)
def test_labels_that_cannot_be_found_are_said(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    skops.io.dump(fitted(), tmp_path / "model.skops")
    given = ["bundle", "--from-skops", tmp_path / "model.skops", "--data", sample]
    assert run(*given, *[option.replace("sample.csv", str(sample)) for option in options], tmp_path / "out") == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"no pickle", b"", b"\x80\x05cnowhere\nNothing\n."])
def test_a_joblib_file_that_cannot_be_opened_is_said(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    (tmp_path / "model.joblib").write_bytes(content)
    assert run("bundle", "--from-joblib", tmp_path / "model.joblib", "--data", sample, tmp_path / "out") == 1
    assert "model.joblib cannot be opened: " in capsys.readouterr().err


def test_the_digest_of_a_folder_is_that_of_its_sorted_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder := tmp_path / "bundle").mkdir()
    (folder / "b").write_bytes(b"2")
    (folder / "a").mkdir()
    (folder / "a" / "c").write_bytes(b"1")
    lines = sorted(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in [("b", b"2"), ("a/c", b"1")])
    assert run("digest", folder) == 0
    assert capsys.readouterr().out.strip() == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest_of(folder / "b") == hashlib.sha256(b"2").hexdigest()


def test_the_digest_of_nothing_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("digest", tmp_path / "nothing") == 1
    assert "No such file" in capsys.readouterr().err
