import io
from collections.abc import Iterator

import pytest

from demo.errors import StoryError
from demo.story import Reading, Story, clock


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Ascii(io.StringIO):
    encoding = "ascii"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(out: io.StringIO) -> tuple[Story, Clock]:
    moved = Clock()
    return Story(out, moved.now, moved.sleep), moved


def readings(*lines: str) -> Iterator[Reading]:
    for line in lines[:-1]:
        yield Reading(done=False, line=line)
    while True:
        yield Reading(done=True, line=lines[-1])


def test_a_true_check_is_a_line_and_is_counted() -> None:
    out = io.StringIO()
    story, _ = told(out)
    story.chapter("Beginning")
    story.check("two and two are four", true=True, found="4")
    assert out.getvalue() == "\n1. Beginning  [0:00]\n   ✓ two and two are four: 4\n"
    assert story.checks == 1


def test_a_check_that_is_not_true_ends_the_story_by_its_name() -> None:
    story, _ = told(io.StringIO())
    with pytest.raises(StoryError) as caught:
        story.check("two and two are five", true=False, found="4")
    assert (caught.value.name, caught.value.detail) == ("two and two are five", "4")
    assert story.checks == 0


def test_waiting_shows_progress_every_few_seconds_and_then_what_was_found() -> None:
    out = io.StringIO()
    story, _ = told(out)
    seen = readings(*[f"pod {n}" for n in range(12)], "ready")
    assert story.wait("the pods are ready", lambda: next(seen), within=60) == "ready"
    assert out.getvalue().splitlines() == [
        "     [0:00] until the pods are ready: pod 0",
        "     [0:05] until the pods are ready: pod 5",
        "     [0:10] until the pods are ready: pod 10",
        "   ✓ the pods are ready: ready",
    ]


def test_waiting_ends_in_time_and_tells_what_was_last_seen() -> None:
    story, moved = told(io.StringIO())
    with pytest.raises(StoryError, match="not within 10 s; last seen: still Pending"):
        story.wait("ready", lambda: Reading(done=False, line="still Pending"), within=10)
    assert moved.time == 110


def test_a_terminal_gets_one_progress_line_that_is_written_over() -> None:
    out = Terminal()
    story, _ = told(out)
    seen = readings("one", "two", "three")
    story.wait("counting", lambda: next(seen), within=60)
    assert out.getvalue().count("\n") == 1
    assert out.getvalue().endswith("\r\033[K   ✓ counting: three\n")


def test_an_output_without_unicode_gets_words() -> None:
    out = Ascii()
    story, _ = told(out)
    story.check("plain", true=True)
    story.failed("plainer", "no")
    assert out.getvalue() == "   ok plain\n   NOT TRUE: plainer: no\n"


def test_the_clock_reads_as_a_stop_watch() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 60, 754)] == ["0:00", "0:59", "1:00", "12:34"]
