"""Running programs so that long work shows progress and every wait has a limit."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from tests.cluster.errors import CommandFailed, WaitedTooLong

HEARTBEAT_SECONDS = 15.0
TAIL_CHARACTERS = 4000


def say(message: str) -> None:
    """A line of progress, on standard error: standard output belongs to results."""
    print(f"cluster: {message}", file=sys.stderr, flush=True)


def output(command: Sequence[str], *, timeout: float = 60, stdin: str | None = None) -> str:
    """The standard output of a short command; its standard error is shown when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, input=stdin, check=False)
    except subprocess.TimeoutExpired as expired:
        raise WaitedTooLong(f"`{' '.join(command)}` did not end within {timeout:.0f} s") from expired
    if done.returncode:
        raise CommandFailed(
            f"`{' '.join(command)}` ended with {done.returncode}: {(done.stderr or done.stdout).strip()}"
        )
    return done.stdout


def succeeds(command: Sequence[str], *, timeout: float = 60) -> bool:
    """Whether a short command ends with zero."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def long_run(
    what: str,
    command: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command that may take minutes, with a line every 15 s; its output is shown only when it fails."""
    say(f"{what} ...")
    begin = time.monotonic()
    with tempfile.TemporaryFile(mode="w+", errors="replace") as transcript:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=transcript, stderr=subprocess.STDOUT, cwd=cwd, env=environment
        )
        try:
            _wait_with_heartbeat(what, process, begin, timeout)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            raise CommandFailed(f"{what}: `{' '.join(command)}` ended with {process.returncode}:\n{_tail(transcript)}")
    say(f"{what}: done in {time.monotonic() - begin:.0f} s")


def _wait_with_heartbeat(what: str, process: subprocess.Popen[bytes], begin: float, timeout: float) -> None:
    while True:
        try:
            process.wait(HEARTBEAT_SECONDS)
        except subprocess.TimeoutExpired:
            elapsed = time.monotonic() - begin
            if elapsed > timeout:
                raise WaitedTooLong(f"{what}: not done within {timeout:.0f} s") from None
            say(f"{what}: {elapsed:.0f} s so far")
        else:
            return


def _tail(transcript: TextIO) -> str:
    transcript.seek(0)
    return transcript.read()[-TAIL_CHARACTERS:]


def wait_until(what: str, holds: Callable[[], bool], *, timeout: float, poll: float = 0.2) -> None:
    """Return as soon as `holds()`; after `timeout` seconds raise WaitedTooLong, naming `what`."""
    begin = time.monotonic()
    told = begin
    while not holds():
        now = time.monotonic()
        if now - begin > timeout:
            raise WaitedTooLong(f"waited {timeout:.0f} s in vain for {what}")
        if now - told > HEARTBEAT_SECONDS:
            told = now
            say(f"waiting for {what}: {now - begin:.0f} s so far")
        time.sleep(poll)
