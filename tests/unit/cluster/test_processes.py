from pathlib import Path

import pytest

from tests.cluster import places, processes
from tests.cluster.errors import CommandFailed, WaitedTooLong
from tests.cluster.places import Place
from tests.cluster.processes import Record
from tests.cluster.shell import long_run, output, succeeds, wait_until


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(places, "STATES", tmp_path)
    place = Place("processes-under-test")
    place.state.mkdir()
    return place


def test_a_component_is_found_by_its_pid_file_until_it_is_stopped(place: Place) -> None:
    processes.start(place, "sleeper", ["sleep", "600"])
    found = processes.running(place, "sleeper")
    assert found is not None
    assert found.command == ["sleep", "600"]
    processes.stop(place, "sleeper")
    assert processes.running(place, "sleeper") is None
    assert not found.alive
    processes.stop(place, "sleeper")


def test_a_component_that_ignores_the_request_to_end_is_killed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PATIENCE_SECONDS", 1.0)
    processes.start(place, "stubborn", ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"])
    wait_until("the trap", lambda: "ready" in processes.log_tail(place, "stubborn"), timeout=20)
    processes.stop(place, "stubborn")
    assert processes.running(place, "stubborn") is None


def test_a_pid_that_another_program_has_got_meanwhile_is_not_ours() -> None:
    own = processes.start_time(1)
    assert own is not None
    assert Record(1, own, []).alive
    assert not Record(1, str(int(own) + 1), []).alive


def test_the_end_of_a_log_can_be_shown(place: Place) -> None:
    assert processes.log_tail(place, "absent") == "(no log)"
    processes.start(place, "speaker", ["sh", "-c", "seq 1 100"])
    wait_until("the last line", lambda: processes.log_tail(place, "speaker").endswith("\n100"), timeout=20)
    assert len(processes.log_tail(place, "speaker").splitlines()) == 15


def test_a_failing_program_is_quoted() -> None:
    with pytest.raises(CommandFailed, match="ended with 3: the reason"):
        output(["sh", "-c", "echo the reason >&2; exit 3"])
    with pytest.raises(CommandFailed, match=r"(?s)making it.*the reason"):
        long_run("making it", ["sh", "-c", "echo the reason; exit 3"], timeout=20)
    assert not succeeds(["a-program-that-is-not-there"])


def test_every_wait_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.cluster.shell.HEARTBEAT_SECONDS", 0.05)
    with pytest.raises(WaitedTooLong, match="in vain for the end of time"):
        wait_until("the end of time", lambda: False, timeout=0.2, poll=0.05)
    with pytest.raises(WaitedTooLong, match="not done within"):
        long_run("sleeping", ["sleep", "600"], timeout=0.1)
