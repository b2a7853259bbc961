"""What a token is worth: which are opened, which are refused, and with which reason."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from weirkeeper_server.feedback.keys import LOOK_SECONDS, KeyRing
from weirkeeper_server.feedback.prediction import Prediction, packed_numbers, packed_scores
from weirkeeper_server.feedback.refusals import Refused
from weirkeeper_server.feedback.tokens import Tokens

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
SCORED = Prediction(
    revision="churn-5d9c7f02",
    slot=1_800_000_000,
    kind="scored",
    rows=2,
    classes=("leave", "stay"),
    segments=("region=north", "region=other", "plan=gold"),
    chosen=bytes([1, 0]),
    scores=packed_scores([0.75, 0.25]),
    segment_indices=bytes([0, 1, 2, 2]),
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def secret(folder: Path, **keys: bytes) -> Path:
    """A Secret as kubelet mounts it: with these keys and no others."""
    folder.mkdir(exist_ok=True)
    for name in ("current", "previous"):
        (folder / name).unlink(missing_ok=True)
        if name in keys:
            (folder / name).write_bytes(keys[name])
    return folder


def tokens(folder: Path, model: str = "churn") -> Tokens:
    return Tokens(model, KeyRing(folder))


def sealed(folder: Path, prediction: Prediction = SCORED) -> str:
    token = tokens(folder).seal(prediction)
    assert token is not None
    return token


def test_a_token_gives_back_what_was_answered(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    _, opened = tokens(folder).open(sealed(folder))
    assert opened == SCORED
    assert [opened.class_of(row) for row in range(2)] == ["stay", "leave"]
    assert opened.score_of(0) == pytest.approx(0.75, abs=1e-5)
    assert [opened.segments_of(row) for row in range(2)] == [
        ["region=north", "plan=gold"],
        ["region=other", "plan=gold"],
    ]


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    numbers = [0.1, -1e300, 5e-324]
    prediction = Prediction("churn-1", 5, "number", 3, numbers=packed_numbers(numbers))
    _, opened = tokens(folder).open(sealed(folder, prediction))
    assert [opened.number_of(row) for row in range(3)] == numbers
    assert opened.bin_of(0) is None


def test_numbers_come_back_with_their_bins_in_a_token_that_older_servers_refuse(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    prediction = Prediction("churn-1", 5, "binned", 2, numbers=packed_numbers([0.1, 7.0]), chosen=bytes([0, 255]))
    token = sealed(folder, prediction)
    _, opened = tokens(folder).open(token)
    assert opened == prediction
    assert [opened.bin_of(row) for row in range(2)] == [0, 255]
    assert base64.urlsafe_b64decode(token[:4])[0] == 3


def test_nobody_reads_a_token(tmp_path: Path) -> None:
    token = sealed(secret(tmp_path / "keys", current=NEW))
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"stay" not in raw
    assert b"churn" not in raw


def test_each_token_is_another(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    assert len({sealed(folder) for _ in range(50)}) == 50


def changed(token: str, at: int) -> str:
    """The token with one bit of one byte turned over."""
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[at] ^= 1
    return base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()


REFUSED: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda _: "", "Malformed"),
    "omitted": (lambda _: "omitted", "Malformed"),
    "no base64": (lambda token: token[:-1] + "!", "Malformed"),
    "another alphabet": (lambda token: token[:-1] + "ü", "Malformed"),
    "cut short": (lambda token: token[:40], "Malformed"),
    "one character short": (lambda token: token[:-2], "Forged"),
    "longer": (lambda token: token + "AAAA", "Forged"),
    "far too long": (lambda token: token * 1_000, "Malformed"),
    "of another version": (lambda token: changed(token, 0), "Malformed"),
    "of another key": (lambda token: changed(token, 1), "UnknownKey"),
    "of another model": (lambda token: changed(token, 5), "Foreign"),
    "with another nonce": (lambda token: changed(token, 9), "Forged"),
    "with other content": (lambda token: changed(token, 30), "Forged"),
    "with another seal": (lambda token: changed(token, -1), "Forged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_was_touched_is_refused(tmp_path: Path, case: str) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    change, reason = REFUSED[case]
    with pytest.raises(Refused) as refused:
        tokens(folder).open(change(sealed(folder)))
    assert refused.value.reason == reason


def test_no_bit_of_a_token_can_be_changed(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    token, opening = sealed(folder), tokens(folder)
    for at in range(len(token) * 3 // 4):
        with pytest.raises(Refused):
            opening.open(changed(token, at))


def test_a_token_of_another_model_is_refused_even_under_the_same_key(tmp_path: Path) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    with pytest.raises(Refused) as refused:
        tokens(folder, model="fraud").open(sealed(folder))
    assert refused.value.reason == "Foreign"


def test_a_model_whose_short_name_is_the_same_cannot_open_it_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = secret(tmp_path / "keys", current=NEW)
    fraud = tokens(folder, model="fraud")
    monkeypatch.setattr(fraud, "_model", tokens(folder)._model)
    with pytest.raises(Refused) as refused:
        fraud.open(sealed(folder))
    assert refused.value.reason == "Forged"


def test_keys_rotate_without_a_restart(tmp_path: Path) -> None:
    folder, clock = secret(tmp_path / "keys", current=OLD), Clock()
    running = Tokens("churn", KeyRing(folder, clock))
    before = running.seal(SCORED)
    assert before is not None

    secret(folder, current=NEW, previous=OLD)
    clock.now += LOOK_SECONDS
    assert running.open(before)[1] == SCORED
    after = running.seal(SCORED)
    assert after is not None
    with pytest.raises(Refused) as refused:
        Tokens("churn", KeyRing(secret(tmp_path / "old", current=OLD))).open(after)
    assert refused.value.reason == "UnknownKey"

    secret(folder, current=OTHER, previous=NEW)
    clock.now += LOOK_SECONDS
    assert running.open(after)[1] == SCORED
    with pytest.raises(Refused) as refused:
        running.open(before)
    assert refused.value.reason == "UnknownKey"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({}, "the Secret has no key 'current'"),
        ({"previous": OLD}, "the Secret has no key 'current'"),
        ({"current": b"short"}, "the key 'current' has not 32 bytes"),
        ({"current": OLD + b"\n"}, "the key 'current' has not 32 bytes"),
    ],
)
def test_without_a_usable_key_there_are_no_tokens_and_it_is_said_why(
    tmp_path: Path, keys: dict[str, bytes], problem: str
) -> None:
    ring = KeyRing(secret(tmp_path / "keys", **keys))
    assert Tokens("churn", ring).seal(SCORED) is None
    assert ring.problem == problem


def test_a_key_that_arrives_later_is_found(tmp_path: Path) -> None:
    clock = Clock()
    ring = KeyRing(tmp_path / "keys", clock)
    assert ring.current() is None
    secret(tmp_path / "keys", current=NEW)
    clock.now += LOOK_SECONDS
    assert ring.current() is not None
    assert ring.problem == ""
