"""Object stores as one thing: a store says how to ask for objects and listings, our own client asks.

So hosts, addresses, redirects, sizes and retries are under the same rules whoever signs the requests.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from weirkeeper_server.errors import FetchError
from weirkeeper_server.fetching.download import Ask, Downloader
from weirkeeper_server.fetching.landing import Caps, Landing, safe_name
from weirkeeper_server.fetching.received import Received
from weirkeeper_server.fetching.store import Store
from weirkeeper_server.fetching.uri import ArtifactUri


async def open_store(uri: ArtifactUri, client: Downloader, environment: Mapping[str, str]) -> Store:
    """Find credentials for a bucket in what the Secret or the service account brought into the environment.

    Raises:
        FetchError: AccessDenied where there are none that can be used, or those of a request for a token.
    """
    # Each library takes its time to be imported, which the others need not wait for.
    if uri.scheme == "s3":
        from weirkeeper_server.fetching import s3  # noqa: PLC0415

        return await s3.open_bucket(uri.place, client, environment)
    if uri.scheme == "gs":
        from weirkeeper_server.fetching import gs  # noqa: PLC0415

        return await gs.open_bucket(uri.place, client, environment)
    from weirkeeper_server.fetching import az  # noqa: PLC0415

    return await az.open_container(uri.place, client, environment)


async def receive(uri: ArtifactUri, name: str, landing: Landing, client: Downloader, caps: Caps) -> None:
    """Bring an archive as the file `name`, or every object below a prefix as a folder.

    Raises:
        FetchError: besides those of downloads, TooLarge for too many objects or bytes and Unreachable for none.
    """
    store = await open_store(uri, client, os.environ)
    if uri.is_archive:
        await receive_file(name, store.object(uri.path), landing, client)
        return
    prefix = uri.path.rstrip("/") + "/" if uri.path else ""
    sizes = await _sizes(uri, store, prefix, client, caps)
    landing.expect(sum(sizes.values()))
    for key in sizes:
        await receive_file(safe_name(key.removeprefix(prefix)), store.object(key), landing, client)


async def receive_file(name: str, ask: Ask, landing: Landing, client: Downloader) -> None:
    """Bring one object or file."""
    received = Received()
    await landing.receive(name, client.blocks(ask, received), lambda: received.total)


async def _sizes(uri: ArtifactUri, store: Store, prefix: str, client: Downloader, caps: Caps) -> dict[str, int]:
    sizes: dict[str, int] = {}
    following: str | None = ""
    while following is not None:
        page = store.read_listing(await client.text(store.listing(prefix, following)))
        sizes |= {key: size for key, size in page.sizes.items() if not key.endswith("/")}
        if len(sizes) > caps.max_files:
            raise FetchError("TooLarge", f"{uri.text} has more than {caps.max_files} objects; name the bundle's folder")
        if page.following == following:
            raise FetchError("Unreachable", f"the listing of {uri.text} comes to no end; is it a store of that kind?")
        following = page.following
    if not sizes:
        raise FetchError("Unreachable", f"{uri.text} has no objects; check bucket and path")
    if sum(sizes.values()) > caps.max_bytes:
        raise FetchError("TooLarge", f"{uri.text} has more than {caps.max_bytes} bytes; name the bundle's folder")
    return sizes
