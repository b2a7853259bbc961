"""A story that is asserted while it is told: chapters, checks, and progress where a line takes long."""

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

from demo.errors import StoryError

CLEAR_LINE: Final = "\r\033[K"
PROGRESS_EVERY: Final = 5.0  # seconds between progress lines where the output is not a terminal


@dataclass(frozen=True)
class Reading:
    """One look at something awaited: whether it is there, and a line that tells how far it is."""

    done: bool
    line: str


@dataclass
class Story:
    """Prints plain text; every check is a line, and the first one that is not true ends the story (StoryError)."""

    out: TextIO = field(default_factory=lambda: sys.stdout)
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    checks: int = 0
    at: str = "the beginning"
    _chapters: int = 0
    _progress_at: float = -PROGRESS_EVERY
    _progress_shown: bool = False

    def __post_init__(self) -> None:
        self.started = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the story began."""
        return self.now() - self.started

    def chapter(self, title: str) -> None:
        """Begin a chapter; ``at`` names it where something else than a check ends the story."""
        self._chapters += 1
        self.at = title
        self._print(f"\n{self._chapters}. {title}  [{clock(self.elapsed)}]")

    def say(self, text: str) -> None:
        """Print lines that need no proof, indented below the chapter."""
        for line in text.splitlines():
            self._print(f"   {line}")

    def check(self, name: str, *, true: bool, found: str = "") -> None:
        """Print the assertion ``name`` with what was found, or end the story when it is not true."""
        if not true:
            raise StoryError(name, found or "not true")
        self.checks += 1
        self._print(f"   {self._mark()} {name}" + (f": {found}" if found else ""))

    def wait(self, name: str, look: Callable[[], Reading], *, within: float, every: float = 1.0) -> str:
        """Look until it is done, showing progress; fails after ``within`` seconds. Returns the last line."""
        until = self.now() + within
        while True:
            reading = look()
            if reading.done:
                self.check(name, true=True, found=reading.line)
                return reading.line
            if self.now() >= until:
                raise StoryError(name, f"not within {within:g} s; last seen: {reading.line}")
            self._progress(f"until {name}: {reading.line}")
            self.sleep(every)

    def failed(self, name: str, found: str) -> None:
        """Print the line that is not true."""
        self._print(f"   {self._mark(good=False)} {name}: {found}")

    def _mark(self, *, good: bool = True) -> str:
        sign = "✓" if good else "✗"
        try:
            sign.encode(getattr(self.out, "encoding", None) or "utf-8")
        except UnicodeEncodeError:
            return "ok" if good else "NOT TRUE:"
        return sign

    def _progress(self, line: str) -> None:
        if self.out.isatty():
            width = shutil.get_terminal_size().columns - 1
            self.out.write(CLEAR_LINE + f"   … [{clock(self.elapsed)}] {line}"[:width])
            self.out.flush()
            self._progress_shown = True
        elif self.now() - self._progress_at >= PROGRESS_EVERY:
            self._progress_at = self.now()
            self._print(f"     [{clock(self.elapsed)}] {line}")

    def _print(self, text: str) -> None:
        if self._progress_shown:
            self.out.write(CLEAR_LINE)
            self._progress_shown = False
        print(text, file=self.out, flush=True)


def clock(seconds: float) -> str:
    """Minutes and seconds, as on a stop watch."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
