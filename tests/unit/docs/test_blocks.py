"""Every block of code in the pages has a test that runs it or holds it against the code; nothing is passed over.

What runs the rest: `test_pages_in_a_folder.py` here, `test_install.py` (the chart) and `test_crds.py` (manifests) on a
real API server, and `tests/e2e/test_pages.py`.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final, cast

import pytest

from tests.cluster.images import IMAGES
from tests.harness import following
from tests.harness.pages import CHECKED, CLUSTER, FOLDER, ROOT, Fence, Unclaimed, fences, pages, run_by, runner
from tests.unit.diagnosis.test_causes import BEGAN, bad, told
from tests.unit.docs.markdown import REFERENCE, codes, rows
from weirkeeper.api.model import parse_model
from weirkeeper.diagnosis.diagnosing import diagnose, sentences
from weirkeeper.diagnosis.evidence import Change
from weirkeeper_server.choosing import Choice
from weirkeeper_server.predictor import Predictor

RUN_HERE: Final = {"make", "images", "packages", "stores"}
RUN_ELSEWHERE: Final = {
    "folder": "tests/unit/docs/test_pages_in_a_folder.py",
    "chart": "tests/integration/chart/test_install.py",
    "cluster": "tests/e2e/test_pages.py",
}


@pytest.mark.parametrize("page", pages())
def test_every_block_is_run_or_checked(page: str) -> None:
    before = ""
    for fence in fences(page):
        if fence.language in {"sh", "python"} and not (fence.language == "python" and fence.saved_as):
            assert runner(fence) in RUN_HERE | RUN_ELSEWHERE.keys()
            before = runner(fence)
        elif fence.language != "yaml" and not fence.checked:
            assert page in (*CLUSTER, *FOLDER), f"{fence} is shown and not checked"
            assert fence.saved_as or before in {"folder", "cluster"}, f"{fence} is shown and not checked"


def test_what_runs_elsewhere_runs_all_that_is_its_own() -> None:
    for name, file in RUN_ELSEWHERE.items():
        assert f'run_by("{name}")' in (ROOT / file).read_text()


def test_what_is_checked_elsewhere_is_read_there() -> None:
    for (page, language, number), file in CHECKED.items():
        assert number < sum(fence.language == language for fence in fences(page)), f"{page} has no such block"
        assert Path(page).name in (ROOT / file).read_text(), file


@pytest.mark.parametrize(
    ("page", "text", "says"),
    [
        ("docs/how-to/x.md", "```sh\nkubectl get models\n```\n", "no test runs this page"),
        ("docs/how-to/install.md", "```bash\nhelm list\n```\n", "marked 'bash'"),
        ("docs/how-to/install.md", "```\nhelm list\n```\n", "marked ''"),
        ("docs/how-to/install.md", "```sh\nhelm list\nmake test\n```\n", "divide it"),
        ("docs/how-to/install.md", "```sh\nhelm list\n", "does not end"),
    ],
)
def test_a_block_that_nobody_runs_is_found(page: str, text: str, says: str) -> None:
    with pytest.raises(Unclaimed, match=says):
        [runner(fence) for fence in fences(page, text)]


def test_shell_is_shell() -> None:
    for page in pages():
        for fence in fences(page):
            if fence.language == "sh":
                told = subprocess.run(["bash", "-n"], input=fence.text, capture_output=True, text=True, check=False)
                assert told.returncode == 0, f"{fence}: {told.stderr}"


@pytest.mark.parametrize("fence", run_by("make"), ids=str)
def test_make_has_these_targets(fence: Fence) -> None:
    """What they do takes minutes to hours, and most of it is tests; make itself says whether it could begin."""
    for command in fence.commands:
        told = subprocess.run(
            [*shlex.split(command, comments=True), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("fence", run_by("images"), ids=str)
def test_images_are_those_that_all_tests_run(fence: Fence) -> None:
    tested = {(image.dockerfile, image.target) for image in IMAGES.values()}
    built = set()
    for words in map(shlex.split, fence.commands):
        if words[:2] == ["docker", "push"]:
            assert words[2:] == [name for name in words[2:] if name in built], "pushed before it is built"
            continue
        assert words[:3] == ["docker", "build", "-f"]
        target = words[words.index("--target") + 1] if "--target" in words else _last_stage(ROOT / words[3])
        assert (words[3], target) in tested
        assert words[-1] == ".", "the checkout is what is built from"
        built.add(words[words.index("-t") + 1])
    assert len(built) == len([words for words in fence.commands if words.startswith("docker push")])


def _last_stage(dockerfile: Path) -> str:
    stages: list[str] = re.findall(r"^FROM .* AS (\S+)$", dockerfile.read_text(), re.MULTILINE | re.IGNORECASE)
    return stages[-1]


@pytest.mark.parametrize("fence", run_by("packages"), ids=str)
def test_packages_can_be_installed(fence: Fence) -> None:
    """The checkout is built and all that it requires is looked for; nothing is installed again."""
    lines = [part.strip() for command in fence.commands for part in command.split("&&")]
    installing = [line for line in lines if line.startswith("pip install ")]
    assert installing
    for line in lines:
        assert line in installing or re.fullmatch(r"python3 -m venv (\S+)|\. \S+/bin/activate", line)
    for line in installing:
        assert refusal_to_install(line) == ""


@cache
def refusal_to_install(line: str) -> str:
    quick = ("--dry-run", "--no-index", "--no-build-isolation", "--quiet", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *quick, *shlex.split(line)[2:]]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return told.stderr if told.returncode or "does not provide the extra" in told.stderr else ""


@pytest.mark.parametrize("fence", run_by("stores"), ids=str)
def test_what_is_uploaded_lies_where_a_model_can_name_it(fence: Fence) -> None:
    """The clouds' own programs are not ours to test; where they put a folder has to be an address that we take."""
    for words in map(shlex.split, fence.commands):
        container = f"az://{words[words.index('--destination') + 1]}/" if words[0] == "az" else ""
        uri = container or words[-1]
        parse_model({"metadata": {"name": "churn"}, "spec": {"artifact": {"uri": uri}}})
        assert any(part.startswith("churn-7") for part in words)


def test_series_that_the_pages_ask_for_are_there() -> None:
    """As send-labels-back.md and rules for Prometheus do."""
    known = {
        code: codes(row[2])
        for row in rows((REFERENCE / "metrics.md").read_text())
        if len(row) > 2
        for code in codes(row[0])
    }
    asked = [fence.text for page in pages() for fence in fences(page) if fence.language == "promql"]
    asked += re.findall(r"expr: (.*)", "".join(f.text for p in pages() for f in fences(p) if f.language == "yaml"))
    assert len(asked) > 1
    for query in asked:
        (name,) = re.findall(r"weirkeeper_\w+", query)
        labels = set(re.findall(r"(\w+)=", query)) | set(
            re.findall(r"\w+", "".join(re.findall(r"by \((.*?)\)", query)))
        )
        assert labels <= set(known[name]), query


def test_the_demo_prints_chapters_that_it_has() -> None:
    (shown,) = [fence.text for fence in fences("README.md") if fence.language == "text"]
    source = "".join(path.read_text() for path in (ROOT / "demo").glob("*.py"))
    chapters = re.findall(r"^\d\. (.*?)  \[", shown, re.MULTILINE)
    assert len(chapters) > 5
    assert [chapter for chapter in chapters if f'"{chapter}"' not in source] == []


def test_what_a_model_says_of_its_way_has_the_keys_that_there_are() -> None:
    blocks = [json.loads(f.text) for f in fences("docs/explanation/how-the-server-predicts.md") if f.language == "json"]
    told = Choice(cast("Predictor", None), {1: "onnxruntime"}).described()
    assert [shown["parameters"].keys() for shown in blocks] == [told.keys()] * 2


def test_what_ails_a_model_is_told_as_the_page_shows() -> None:
    (shown,) = [fence.text for fence in fences("docs/how-to/find-out-why.md") if fence.language == "text"]
    found = re.search(r"explain: (.*)\.\n", shown)
    conditions = {kind: replace(one, message=found[1] if found else "") for kind, one in bad("ConceptDrift").items()}
    change = Change(BEGAN - 60, "Scaling", "Scaled up replica set churn-5d9c7f02 from 2 to 3")
    evidence = told(conditions=conditions, changes=(change,), labels=(41, 1000))
    following.compare("\n".join(sentences(evidence, diagnose(evidence))), "find-out-why.md", shown)


def test_an_output_that_differs_is_found() -> None:
    shown = "candidate 3 of 40 bad\n"
    following.compare("errors\ncandidate 11 of 214 bad\n", "x.md:1", shown)
    with pytest.raises(AssertionError, match="shows 'candidate N of N bad'"):
        following.compare("candidate 11 of 214 failed\n", "x.md:1", shown)
    assert following.fits({"a": [1]}, {"a": [2, 3], "b": 0})
    assert not following.fits({"a": ["1"]}, {"a": [2]})
