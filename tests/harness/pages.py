"""The code blocks of the project's pages, and which test runs each of them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
LANGUAGES: Final = frozenset({"sh", "python", "yaml", "json", "text", "csv", "promql"})

CLUSTER: Final = (
    "docs/tutorial/first-canary.md",
    "docs/how-to/read-a-roll-back.md",
    "docs/how-to/approve-in-a-pipeline.md",
    "docs/how-to/run-an-alpha-cohort.md",
    "docs/how-to/send-labels-back.md",
    "docs/how-to/watch-drift.md",
    "docs/how-to/retrain-on-drift.md",
    "docs/how-to/read-the-report.md",
    "docs/how-to/find-out-why.md",
    "docs/how-to/use-object-storage.md",
    "docs/how-to/install.md",
    "docs/reference/model.md",
    "docs/reference/rollout.md",
    "docs/reference/monitor.md",
    "docs/reference/conditions-and-reasons.md",
    "README.md",
)
"""Pages whose commands run against a cluster with Models: tests/e2e/test_pages.py."""

FOLDER: Final = (
    "docs/how-to/compare-two-files.md",
    "docs/how-to/bundle-a-model.md",
    "docs/how-to/ask-a-model.md",
    "docs/how-to/agree-on-measures-before-a-launch.md",
    "docs/how-to/roll-out-with-little-traffic.md",
    "docs/reference/bundle.md",
    "docs/reference/protocol.md",
    "docs/reference/protocol-grpc.md",
    "docs/explanation/how-performance-is-judged.md",
)
"""Pages whose commands run in a folder, beside a served model: tests/unit/docs/test_pages_in_a_folder.py."""

PROGRAMS: Final = {
    "make": "make",
    "docker": "images",
    "pip": "packages",
    "aws": "stores",
    "gcloud": "stores",
    "az": "stores",
    "helm": "chart",
}
"""Blocks of these programs are run, or held against what runs the same, wherever they stand."""

COMPANIONS: Final = {"chart": {"kubectl"}, "packages": {"python3"}}
"""Programs that may stand in a block of another one's."""

CHECKED: Final = {
    ("README.md", "text", 0): "tests/unit/docs/test_blocks.py",
    ("docs/how-to/ask-a-model.md", "text", 0): "tests/unit/docs/test_pages_in_a_folder.py",
    ("docs/how-to/find-out-why.md", "text", 0): "tests/unit/docs/test_blocks.py",
    ("docs/reference/bundle.md", "text", 0): "tests/unit/docs/test_pages_in_a_folder.py",
    ("docs/reference/protocol.md", "json", 1): "tests/unit/docs/test_protocol.py",
    ("docs/reference/feedback.md", "json", 0): "tests/unit/docs/test_feedback.py",
    ("docs/reference/feedback.md", "json", 1): "tests/unit/docs/test_feedback.py",
    ("docs/explanation/how-the-server-predicts.md", "json", 0): "tests/unit/docs/test_blocks.py",
    ("docs/explanation/how-the-server-predicts.md", "json", 1): "tests/unit/docs/test_blocks.py",
    ("docs/how-to/send-labels-back.md", "promql", 0): "tests/unit/docs/test_blocks.py",
}
"""What is shown and not said by a command before it, by page, language and number; which test checks it."""

_FENCE: Final = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SAVED: Final = re.compile(r"\bSave this as\s+`([\w.-]+)`")


@dataclass(frozen=True)
class Fence:
    """A block of code: `number` counts those of its language in the page from 0, `saved_as` is the file it goes to."""

    page: str
    line: int
    language: str
    number: int
    text: str
    saved_as: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def checked(self) -> str:
        """The test of its own that it has, where it has one."""
        return CHECKED.get((self.page, self.language, self.number), "")

    @property
    def commands(self) -> tuple[str, ...]:
        """The lines of a shell block, with those that go on joined; here-documents and loops are left as they are."""
        joined = self.text.replace("\\\n", " ")
        return tuple(line for line in joined.splitlines() if line.strip() and not line.startswith("#"))

    @property
    def programs(self) -> frozenset[str]:
        """What the lines of a shell block begin with."""
        return frozenset(line.split(" ")[0] for line in self.commands if re.match(r"[\w.]", line))


class Unclaimed(Exception):
    """A block of code that no test runs."""


def pages() -> tuple[str, ...]:
    """Every page that shows people what to type."""
    front = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
    found = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
    return (*front, *found)


def fences(page: str, text: str | None = None) -> tuple[Fence, ...]:
    """The blocks of a page, in order.

    Raises:
        Unclaimed: a block does not end, or its language is none that tests know.
    """
    text = (ROOT / page).read_text() if text is None else text
    found: list[Fence] = []
    for match in _FENCE.finditer(text):
        line, language = text.count("\n", 0, match.start()) + 1, match[2].strip()
        if language not in LANGUAGES:
            raise Unclaimed(f"{page}:{line} is marked {language!r}; give one of {', '.join(sorted(LANGUAGES))}")
        number = sum(fence.language == language for fence in found)
        found.append(Fence(page, line, language, number, match[3], _saved_as(text[: match.start()])))
    if 2 * len(found) != len(re.findall(r"^ *```", text, re.MULTILINE)):
        raise Unclaimed(f"{page}: a block of code does not end as it began")
    return tuple(found)


def _saved_as(before: str) -> str:
    """The file that the paragraph before a block tells to save it as."""
    paragraph = re.sub(r"\s+", " ", before.rstrip().rpartition("\n\n")[2])
    names = _SAVED.findall(paragraph)
    return names[-1] if names else ""


def runner(fence: Fence) -> str:
    """Which test runs a block of shell or Python.

    Raises:
        Unclaimed: none does.
    """
    claims = {PROGRAMS[program] for program in fence.programs if program in PROGRAMS}
    if fence.language == "sh" and claims:
        name, *others = sorted(claims)
        ours = {program for program, claim in PROGRAMS.items() if claim == name} | COMPANIONS.get(name, set())
        if others or fence.programs - ours:
            raise Unclaimed(f"{fence}: {', '.join(sorted(fence.programs))} are run by several tests; divide it")
        return name
    for name, claimed in (("cluster", CLUSTER), ("folder", FOLDER)):
        if fence.page in claimed:
            return name
    raise Unclaimed(f"{fence}: no test runs this page; add it to CLUSTER or FOLDER")


def run_by(name: str) -> tuple[Fence, ...]:
    """The blocks of shell and Python that one test runs; those that none does are `test_blocks.py`'s to find."""
    found = []
    for fence in (fence for page in pages() for fence in fences(page) if fence.language in {"sh", "python"}):
        with suppress(Unclaimed):
            found += [fence] if runner(fence) == name else []
    return tuple(found)
