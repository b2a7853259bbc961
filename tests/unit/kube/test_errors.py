import pytest

from weirkeeper.kube.errors import Conflict, Expired, Forbidden, Invalid, KubeError, NotFound, Transient, error_of


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Forbidden),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Expired),
        (422, Invalid),
        (429, Transient),
        (500, Transient),
        (504, Transient),
    ],
)
def test_a_status_has_its_error(status: int, kind: type[KubeError]) -> None:
    assert type(error_of("GET /x", status, {"message": "why"})) is kind


def test_the_message_says_what_was_asked_and_what_was_answered() -> None:
    assert str(error_of("GET /x", 403, {"message": "no such right"})) == "GET /x: 403 no such right"


def test_a_field_that_does_not_exist_is_no_passing_fault() -> None:
    told = {"message": "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): .dta: field not declared"}
    assert type(error_of("PATCH /x", 500, told)) is Invalid


@pytest.mark.parametrize(
    ("header", "answer", "seconds"),
    [
        ("7", {}, 7.0),
        (None, {"details": {"retryAfterSeconds": 3}}, 3.0),
        (None, {}, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {}, None),
    ],
)
def test_a_wait_that_the_server_asks_for_is_kept(
    header: str | None, answer: dict[str, object], seconds: float | None
) -> None:
    error = error_of("PUT /x", 429, answer, header)
    assert isinstance(error, Transient)
    assert error.retry_after == seconds
