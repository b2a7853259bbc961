"""Asking a web server for bytes, under the rules for hosts: redirects one by one, caps on size and time."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.addresses import GuardedResolver, HostRules
from weirkeeper_server.fetching.landing import BLOCK

MOST_REDIRECTS: Final = 5
SILENCE_SECONDS: Final = 30.0
DENIED: Final = (401, 403)
OK: Final = 200
PEM: Final = "-----BEGIN"


class Downloader:
    """A client that asks only hosts that may be asked. It sends no credentials of its own and keeps no cookies."""

    def __init__(self, session: aiohttp.ClientSession, rules: HostRules) -> None:
        self._session = session
        self._rules = rules

    async def blocks(self, url: URL) -> AsyncGenerator[bytes]:
        """Give the body of `url` in blocks, following redirects that the rules allow.

        Raises:
            FetchError: HostNotAllowed, AccessDenied or Unreachable.
        """
        try:
            async with self._opened(url) as response:
                async for block in response.content.iter_chunked(BLOCK):
                    yield block
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            cause = error.__cause__ or error
            if isinstance(cause, FetchError):
                raise cause from None
            raise FetchError("Unreachable", f"{_place(url)}: {str(error) or type(error).__name__}") from error

    @asynccontextmanager
    async def _opened(self, url: URL) -> AsyncIterator[aiohttp.ClientResponse]:
        for _ in range(MOST_REDIRECTS + 1):
            self._rules.check(url)
            async with self._session.get(url, allow_redirects=False) as response:
                if "Location" not in response.headers or response.status not in (301, 302, 303, 307, 308):
                    _check_status(url, response.status)
                    yield response
                    return
                url = _target(url, response.headers["Location"])
        raise FetchError("Unreachable", f"{_place(url)}: more than {MOST_REDIRECTS} redirects")


def _target(url: URL, location: str) -> URL:
    try:
        return url.join(URL(location))
    except ValueError:
        raise FetchError("Unreachable", f"{_place(url)} redirects to something that is no URL") from None


def _check_status(url: URL, status: int) -> None:
    if status in DENIED:
        raise FetchError("AccessDenied", f"{_place(url)}: HTTP {status}; check the credentials in the Secret")
    if status != OK:
        raise FetchError("Unreachable", f"{_place(url)}: HTTP {status}")


def _place(url: URL) -> str:
    """Name a URL without its query, which may be signed."""
    return str(url.with_query(None))


@asynccontextmanager
async def downloader(
    rules: HostRules, ca_bundle: str, resolver: AbstractResolver | None = None
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
        yield Downloader(session, rules)


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
