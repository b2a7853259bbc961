"""Doing what a page says, block by block: shell and Python run, files are saved, shown outputs are compared."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.harness.pages import Fence, fences, runner

PROGRAMS: Final = Path(sys.executable).parent
BESIDE: Final = ".programs"
"""Where in its folder a reader has further programs."""
ENDLESS: Final = re.compile(r" (--watch|-w)$|^while true|^weirkeeper serve")
"""How a block ends, or begins, that goes on until somebody ends it."""


@dataclass
class Follower:
    """Somebody who follows pages in a folder.

    Only the blocks are run that are those of `role`; `says` is what is called otherwise there than in the pages.
    """

    role: str
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.monotonic)

    def words(self, text: str) -> str:
        """A block as this reader types it."""
        for theirs, ours in self.says.items():
            text = text.replace(theirs, ours)
        return text

    def open(self, page: str) -> Page:
        """Begin with a page."""
        return Page(self, [fence for fence in fences(page) if fence.language != "sh" or runner(fence) == self.role])

    def start(self, script: str) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a script; its output goes to a file, because what it leaves behind would hold a pipe open."""
        path = self.folder / f".told-{len(self.started)}"
        errors = path.with_suffix(".errors")
        search = os.pathsep.join([str(self.folder / BESIDE), str(PROGRAMS), os.environ["PATH"]])
        with path.open("wb") as told, errors.open("wb") as complained:
            process = subprocess.Popen(
                ["bash", "-eu", "-o", "pipefail", "-c", script],
                cwd=self.folder,
                env={**os.environ, "PATH": search, "USER": "reader", **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=complained,
                start_new_session=True,
            )
        self.started.append(process)
        return process, path

    def run(self, script: str, statuses: Collection[int] = (0,), timeout: float = 420) -> str:
        """What a script says that ends by itself, with one of these exit statuses."""
        process, path = self.start(script)
        try:
            ended = process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"after {timeout:g} s there was no end of {said(script, path)}") from None
        assert ended in statuses, f"exit status {ended} instead of {statuses} of {said(script, path)}"
        return path.read_text()

    def watch(self, script: str, until: str, timeout: float = 420) -> str:
        """What an endless script says until that matches `until`; it goes on where that is nothing."""
        process, path = self.start(script)
        deadline = time.monotonic() + timeout
        while not re.search(until, path.read_text()):
            assert process.poll() is None, f"ended with {process.returncode}: {said(script, path)}"
            assert time.monotonic() < deadline, f"waited for {until!r} of {said(script, path)}"
            time.sleep(0.1)
        if until:
            end(process)
        return path.read_text()

    def close(self) -> None:
        """End everything that still runs."""
        for process in self.started:
            end(process)


def said(script: str, path: Path) -> str:
    """A script with what it said, for people."""
    return "\n".join([script, path.read_text(), path.with_suffix(".errors").read_text()])


def end(process: subprocess.Popen[bytes]) -> None:
    """End a script with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


@dataclass
class Page:
    """A page while it is followed."""

    reader: Follower
    left: list[Fence]
    told: str = ""

    def through(self, words: str, *, until: str = "", statuses: Collection[int] = (0,)) -> str:
        """Follow the page to the block with these words; what that one says, up to `until` if it is endless."""
        while self.left:
            fence = self.left[0]
            if words in fence.text:
                return self.next(until=until, statuses=statuses)
            self.next()
        raise AssertionError(f"no block is left with {words!r}")

    def rest(self) -> None:
        """Follow the page to its end."""
        while self.left:
            self.next()

    def next(self, *, until: str = "", statuses: Collection[int] = (0,)) -> str:
        """Do what the next block says."""
        fence, reader = self.left.pop(0), self.reader
        text = reader.words(fence.text)
        print(f"{time.monotonic() - reader.began:5.0f} s  {fence}")
        if fence.saved_as:
            (reader.folder / fence.saved_as).write_text(text)
        elif fence.language == "sh":
            endless = ENDLESS.search(text.rstrip()) is not None
            self.told = reader.watch(text, until) if endless else reader.run(text, statuses)
        elif fence.language == "python":
            self.told = executed(text, fence, reader)
        elif fence.language == "text" and not fence.checked:
            compare(self.told, str(fence), text)
        elif fence.language == "json" and not fence.checked:
            assert fits(json.loads(text), json.loads(self.told)), f"{fence}; what was said is:\n{self.told}"
        reader.done.add(str(fence))
        return self.told


def executed(text: str, fence: Fence, reader: Follower) -> str:
    """What a block of Python prints, run in the reader's folder with what the blocks before have defined."""
    printed = io.StringIO()
    with contextlib.chdir(reader.folder), contextlib.redirect_stdout(printed):
        exec(compile(text, str(fence), "exec"), reader.known)  # noqa: S102  our own page
    return printed.getvalue()


def compare(told: str, where: str, shown: str) -> None:
    """Check that what a page shows was said: the same words in the same order, whatever the numbers."""
    lines = iter(shape(told))
    for line in shape(shown):
        assert any(line == other for other in lines), f"{where} shows {line!r}; what was said is:\n{told}"


def shape(text: str) -> list[str]:
    """The lines of an output without what differs from run to run: numbers, revisions, moments, widths of columns."""
    text = re.sub(r"-[0-9a-f]{8}\b", "-R", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "T", text)
    text = re.sub(r"-?\d[\d.,]*( k\b)?", "N", text)
    return [re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip()]


def fits(shown: Any, told: Any) -> bool:
    """Whether JSON that a page shows has the form of what was said; more may have been said, and other values."""
    if isinstance(shown, dict):
        return isinstance(told, dict) and all(key in told and fits(shown[key], told[key]) for key in shown)
    if isinstance(shown, list):
        return isinstance(told, list) and all(any(fits(one, other) for other in told) for one in shown)
    return type(shown) is type(told)
