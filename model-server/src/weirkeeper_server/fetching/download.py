"""Asking a web server for bytes, under the rules for hosts: redirects one by one, caps on size and time."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import GuardedResolver, HostRules
from weirkeeper_server.fetching.landing import BLOCK
from weirkeeper_server.fetching.received import Received
from weirkeeper_server.fetching.retries import PASSING, Attempts, Passing, Retries

MOST_REDIRECTS: Final = 5
SILENCE_SECONDS: Final = 30.0
LARGEST_TEXT: Final = 16 * 2**20
DENIED: Final = (401, 403)
REDIRECTS: Final = (301, 302, 303, 307, 308)
CHANGED: Final = 412
FINE: Final = (200, 206)
PEM: Final = "-----BEGIN"

_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,64})</Code>")
_SECONDS: Final = re.compile("[0-9]{1,4}")


@dataclass(frozen=True)
class Ask:
    """A request; its headers may carry credentials, which go to the host of `url` and no other."""

    url: URL
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """A short answer, whatever its status; its headers are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def url_of(text: str, *, encoded: bool = True) -> URL:
    """Read a URL, taken as it is where it is `encoded`.

    Raises:
        FetchError: HostNotAllowed, it is none.
    """
    place = repr(text.partition("?")[0][:200])
    try:
        found = URL(text, encoded=encoded)
        host, _ = found.host, found.port  # the port of an encoded URL is looked at here first
    except ValueError as error:
        raise FetchError("HostNotAllowed", f"{place} is no URL: {error}; correct the URI or the Secret") from error
    if not host:
        raise FetchError("HostNotAllowed", f"{place} names no host; give https://HOST/… in the URI or the Secret")
    return found


class Downloader:
    """A client that asks only hosts that may be asked, and again where that may help. It keeps no cookies."""

    def __init__(self, session: aiohttp.ClientSession, rules: HostRules, retries: Retries) -> None:
        self._session = session
        self.rules = rules
        self._retries = retries

    async def blocks(self, ask: Ask, received: Received | None = None) -> AsyncGenerator[bytes]:
        """Give the body in blocks, following redirects that the rules allow; what breaks off goes on where it was.

        Raises:
            FetchError: HostNotAllowed, AccessDenied or Unreachable.
        """
        received, attempts = received or Received(), Attempts(self._retries)
        while True:
            try:
                async with aclosing(self._rest(ask, received)) as blocks:
                    async for block in blocks:
                        yield block
                        attempts.progressed()
            except Passing as error:
                await asyncio.sleep(attempts.failed(error))
            else:
                return

    async def text(self, ask: Ask) -> bytes:
        """Give a body that is short, such as a listing.

        Raises:
            FetchError: besides those of `blocks`, TooLarge.
        """
        return await _joined(self.blocks(ask), ask.url)

    async def exchange(self, ask: Ask) -> Answer:
        """Give the answer whatever its status, without following redirects: for tokens.

        Raises:
            FetchError: HostNotAllowed, Unreachable or TooLarge.
        """
        attempts = Attempts(self._retries)
        while True:
            try:
                return await self._exchanged(ask)
            except Passing as error:
                await asyncio.sleep(attempts.failed(error))

    async def _exchanged(self, ask: Ask) -> Answer:
        self.rules.check(ask.url)
        with _told(ask.url):
            async with self._sent(ask, {}) as response:
                if response.status in PASSING:
                    raise _refusal(ask.url, response, "")
                body = await _joined(response.content.iter_chunked(BLOCK), ask.url)
                return Answer(response.status, response.headers, body)

    async def _rest(self, ask: Ask, received: Received) -> AsyncGenerator[bytes]:
        with _told(ask.url):
            async with self._opened(ask, received.headers()) as response:
                place = _place(response.url)
                received.begin(response.status, response.headers, place)
                async for block in response.content.iter_chunked(BLOCK):
                    if new := received.take(block, place):
                        yield new
                received.end(place)

    @asynccontextmanager
    async def _opened(self, ask: Ask, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        for _ in range(MOST_REDIRECTS + 1):
            self.rules.check(ask.url)
            async with self._sent(ask, headers) as response:
                if "Location" not in response.headers or response.status not in REDIRECTS:
                    if response.status not in FINE:
                        raise _refusal(ask.url, response, await _code(response))
                    yield response
                    return
                ask = _redirected(ask, response.headers["Location"])
        raise FetchError("Unreachable", f"{_place(ask.url)}: more than {MOST_REDIRECTS} redirects")

    def _sent(self, ask: Ask, headers: Mapping[str, str]) -> aiohttp.client._RequestContextManager:
        headers = {**headers, **ask.headers}
        return self._session.request(ask.method, ask.url, headers=headers, data=ask.body, allow_redirects=False)


async def _joined(blocks: AsyncGenerator[bytes] | AsyncIterator[bytes], url: URL) -> bytes:
    text = b""
    async for block in blocks:
        text += block
        if len(text) > LARGEST_TEXT:
            raise FetchError("TooLarge", f"{_place(url)} answers with more than {LARGEST_TEXT} bytes")
    return text


@contextmanager
def _told(url: URL) -> Iterator[None]:
    """Say what the network did in terms of the artifact."""
    try:
        yield
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, FetchError):
            raise cause from None
        message = f"{_place(url)}: {str(error) or type(error).__name__}"
        if isinstance(error, (aiohttp.ClientSSLError, aiohttp.InvalidURL)):
            raise FetchError("Unreachable", message) from error
        raise Passing(message) from error


def _redirected(ask: Ask, location: str) -> Ask:
    try:
        url = ask.url.join(URL(location))
    except ValueError:
        raise FetchError("Unreachable", f"{_place(ask.url)} redirects to something that is no URL") from None
    same = (url.scheme, url.host, url.port) == (ask.url.scheme, ask.url.host, ask.url.port)
    return replace(ask, url=url) if same else Ask(url)


async def _code(response: aiohttp.ClientResponse) -> str:
    """The store's own word for what is wrong: a bare name, since the rest may say anything."""
    found = _CODE.search(await response.content.read(4096))
    named = found[1].decode() if found else response.headers.get("x-ms-error-code", "")
    return f" {named}" if re.fullmatch("[A-Za-z]{1,64}", named) else ""


def _refusal(url: URL, response: aiohttp.ClientResponse, code: str) -> FetchError:
    place, status = _place(url), response.status
    if status in DENIED:
        return FetchError("AccessDenied", f"{place}: HTTP {status}{code}; check the credentials in the Secret")
    if status in PASSING:
        after = response.headers.get("Retry-After", "")
        return Passing(f"{place}: HTTP {status}{code}", float(after) if _SECONDS.fullmatch(after) else 0.0)
    if status == CHANGED:
        return FetchError("Unreachable", f"{place} was replaced while it was fetched; use a new path for new bytes")
    return FetchError("Unreachable", f"{place}: HTTP {status}{code}; check host, bucket and path")


def _place(url: URL) -> str:
    """Name a URL without its query, which may be signed."""
    return str(url.with_query(None))


@asynccontextmanager
async def downloader(
    rules: HostRules, ca_bundle: str, retries: Retries, resolver: AbstractResolver | None = None
) -> AsyncIterator[Downloader]:
    """Open a client; `ca_bundle` (a path, or certificates as PEM) is trusted besides what the system trusts.

    Names are resolved by the system's resolver where no other is given.

    Raises:
        FetchError: Unreachable, the certificates cannot be read.
    """
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(rules, resolver), ssl=_tls(ca_bundle), use_dns_cache=False
    )
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_SECONDS, sock_read=SILENCE_SECONDS)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        cookie_jar=jar,
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
    ) as session:
        yield Downloader(session, rules, retries)


def _tls(ca_bundle: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if PEM in ca_bundle:
            context.load_verify_locations(cadata=ca_bundle)
        elif ca_bundle:
            context.load_verify_locations(cafile=Path(ca_bundle))
    except (OSError, ValueError) as error:
        raise FetchError("Unreachable", f"CA_BUNDLE is neither a readable file nor certificates: {error}") from error
    return context
