"""URIs, hosts and addresses: where an artifact may come from."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import GuardedResolver, HostRules, is_public
from weirkeeper_server.fetching.uri import parse_uri

STORE = HostRules(["store.internal:9000", "*.example.com", "models.example.org"])


@pytest.mark.parametrize(
    ("text", "place", "path", "archive"),
    [
        ("configmap://churn-v1", "churn-v1", "", False),
        ("pvc://models/churn/7", "models", "churn/7", False),
        ("s3://Models/churn/7/", "Models", "churn/7/", False),
        ("s3://models/churn/7.tar.gz", "models", "churn/7.tar.gz", True),
        ("gs://models/churn/7/", "models", "churn/7/", False),
        ("az://models/churn/7.zip", "models", "churn/7.zip", True),
        ("https://Models.example.org/a%20b/churn.zip?version=7", "models.example.org", "a b/churn.zip", True),
    ],
)
def test_a_uri_says_where_and_what(text: str, place: str, path: str, archive: bool) -> None:  # noqa: FBT001
    uri = parse_uri(text)
    assert (uri.place, uri.path, uri.is_archive) == (place, path, archive)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file:///etc/passwd", "scheme 'file' is not allowed"),
        ("http://models.example.org/churn.zip", "scheme 'http' is not allowed"),
        ("ftp://models.example.org/churn.zip", "scheme 'ftp' is not allowed"),
        ("/etc/passwd", "scheme '' is not allowed"),
        ("https://user:word@models.example.org/churn.zip", "carries credentials"),
        ("https://user@models.example.org/churn.zip", "carries credentials"),
        ("s3://key:secret@models/churn", "carries credentials"),
        ("https:///churn.zip", "names no host"),
        ("pvc://models/../other", "leads upwards"),
        ("pvc://models/%2e%2e/other", "leads upwards"),
        ("pvc://models/..%5Cother", "leads upwards"),
        ("pvc://models/a%00b", "leads upwards"),
        ("https://[::1/churn.zip", "is no URI"),
    ],
)
def test_a_uri_that_must_not_be_followed_is_refused(text: str, message: str) -> None:
    with pytest.raises(FetchError, match=message) as refused:
        parse_uri(text)
    assert refused.value.reason == "HostNotAllowed"


def test_an_escape_is_decoded_once() -> None:
    assert parse_uri("pvc://models/%252e%252e/other").path == "%2e%2e/other"


@pytest.mark.parametrize(
    "url",
    [
        "https://models.example.org/churn.zip",
        "https://MODELS.example.org./churn.zip",
        "https://eu.example.com/churn.zip",
        "https://store.internal:9000/models",
        "http://store.internal:9000/models",
    ],
)
def test_a_host_on_the_list_may_be_asked(url: str) -> None:
    STORE.check(URL(url))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://elsewhere.org/churn.zip", "not on the platform's list"),
        ("https://example.com/churn.zip", "not on the platform's list"),
        ("https://notexample.com/churn.zip", "not on the platform's list"),
        ("https://models.example.org.evil.net/churn.zip", "not on the platform's list"),
        ("https://store.internal:9001/models", "not on the platform's list"),
        ("http://eu.example.com/churn.zip", "not encrypted"),
        ("ftp://models.example.org/churn.zip", "not encrypted"),
        ("https://user:word@models.example.org/churn.zip", "carries credentials"),
        ("https://169.254.169.254/latest", "not on the platform's list"),
    ],
)
def test_another_host_may_not(url: str, message: str) -> None:
    with pytest.raises(FetchError, match=message):
        STORE.check(URL(url))


def test_an_empty_list_allows_nothing() -> None:
    with pytest.raises(FetchError, match="which is empty"):
        HostRules([]).check(URL("https://models.example.org/churn.zip"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "::1", "::", "fe80::1%eth0", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
        "2002:7f00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(FetchError, match="which is not public"):
        HostRules(["*"]).check_address("anything.example.net", address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "https://[::ffff:127.0.0.1]/", "https://10.0.0.7/"])
def test_a_literal_private_address_is_refused_under_a_pattern(url: str) -> None:
    with pytest.raises(FetchError, match="which is not public"):
        HostRules(["*"]).check(URL(url))


def test_an_exact_name_may_have_a_private_address() -> None:
    STORE.check_address("store.internal", "10.0.0.7")
    HostRules(["10.0.0.7"]).check(URL("https://10.0.0.7/churn.zip"))


class Fickle(AbstractResolver):
    """Answers with a public address first and a private one ever after, as an attacker's name server would."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "1.1.1.1" if self.asked == 1 else "127.0.0.1"
        return [ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        pass


async def test_every_answer_of_a_name_server_is_checked() -> None:
    resolver = GuardedResolver(HostRules(["*"]), Fickle())
    assert [found["host"] for found in await resolver.resolve("rebinding.example.net", 443)] == ["1.1.1.1"]
    with pytest.raises(FetchError, match=r"has the address 127\.0\.0\.1, which is not public"):
        await resolver.resolve("rebinding.example.net", 443)
