"""The init container's work from beginning to end, and what kubelet is told of it."""

from __future__ import annotations

import argparse
import asyncio
import errno
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp.abc import AbstractResolver

from weirkeeper.api.bundle import GOLDEN_FILE, MANIFEST_FILE, PROFILE_FILE
from weirkeeper_server.bundle import FETCHED_FILE, MOST_PROFILE_BYTES, check_names
from weirkeeper_server.digest import digest_of_files
from weirkeeper_server.errors import BundleError, FetchError, FetchReason, SettingsError
from weirkeeper_server.fetching.addresses import HostRules
from weirkeeper_server.fetching.archive import bundle_root, unpack
from weirkeeper_server.fetching.download import Ask, downloader, url_of
from weirkeeper_server.fetching.landing import DEFAULT_CAPS, READ_ONLY, Caps, Landing, prepare, reveal
from weirkeeper_server.fetching.mounted import take_mounted
from weirkeeper_server.fetching.retries import DEFAULT_RETRIES, Retries
from weirkeeper_server.fetching.stores import receive, receive_file
from weirkeeper_server.fetching.uri import ARCHIVE_SUFFIXES, ArtifactUri, parse_uri
from weirkeeper_server.pickles import LOOKED_AT, refuse_pickle

MOST_BYTES: Final = {MANIFEST_FILE: 2**20, PROFILE_FILE: MOST_PROFILE_BYTES, GOLDEN_FILE: 16 * 2**20}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """What to fetch: the digest that it must have (`sha256`, `pinned`; empty where none is known) and where from.

    `any_files` where it need be no bundle: another server than ours reads it.
    """

    uri: ArtifactUri
    destination: Path
    sha256: str
    pinned: str
    mounted: Path | None
    rules: HostRules
    ca_bundle: str
    caps: Caps = DEFAULT_CAPS
    retries: Retries = DEFAULT_RETRIES
    resolver: AbstractResolver | None = None
    any_files: bool = False


@dataclass(frozen=True)
class Fetched:
    """What came: the artifact's digest, and how many files and bytes of it."""

    sha256: str
    files: int
    bytes: int


def fetch(arguments: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Fetch, verify and report; 0 where the bundle is in place, 1 where the report gives the reason why not."""
    try:
        fetched = _fetched(_order(arguments, environment))
    except FetchError as error:
        log.error("%s: %s", error.reason, error)  # noqa: TRY400  the message is for people, the trace would not help
        _report(arguments.termination_log, {"reason": error.reason, "message": str(error)})
        return 1
    log.info("fetched %d files, %d bytes, sha256 %s", fetched.files, fetched.bytes, fetched.sha256)
    _report(arguments.termination_log, vars(fetched))
    return 0


def _fetched(order: Order) -> Fetched:
    try:
        return asyncio.run(bring(order))
    except OSError as error:
        reason: FetchReason = "TooLarge" if error.errno == errno.ENOSPC else "AccessDenied"
        raise FetchError(reason, f"{order.destination} cannot be written: {error.strerror}") from error


def _order(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Order:
    return Order(
        uri=parse_uri(arguments.uri),
        destination=arguments.destination,
        sha256=arguments.sha256.lower(),
        pinned=_pinned(arguments.pin_file),
        mounted=arguments.mounted,
        rules=HostRules(_hosts(environment.get("WEIRKEEPER_ALLOWED_HOSTS", "[]"))),
        ca_bundle=environment.get("CA_BUNDLE", ""),
        any_files=arguments.any_files,
    )


def _pinned(path: Path | None) -> str:
    return path.read_text().strip().lower() if path is not None and path.is_file() else ""


def _hosts(text: str) -> list[str]:
    try:
        hosts = json.loads(text)
    except ValueError:
        hosts = None
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise SettingsError(f"WEIRKEEPER_ALLOWED_HOSTS is {text[:80]!r}; give a JSON list of host names")
    return hosts


def _report(path: Path, message: Mapping[str, Any]) -> None:
    try:
        path.write_text(json.dumps(message))
    except OSError as error:
        log.warning("no report to %s: %s", path, error.strerror)


async def bring(order: Order) -> Fetched:
    """Fetch the artifact into a folder of its own, verify it, and only then let it be seen.

    Raises:
        FetchError: with the reason.
    """
    incoming = prepare(order.destination)
    try:
        async with asyncio.timeout(order.caps.max_seconds):
            landing = Landing(incoming, order.caps)
            await _receive(order, landing)
    except TimeoutError:
        raise FetchError(
            "Unreachable", f"not complete after {order.caps.max_seconds:g} s; try a nearer store"
        ) from None
    sha256 = landing.digests[_archive_name(order.uri)] if order.uri.is_archive else digest_of_files(landing.digests)
    _verify(order, sha256)
    folder, contents = _unpacked(order, landing)
    if not order.any_files:
        _check_bundle(folder, contents)
    record = {"sha256": sha256, "folder": digest_of_files(contents)}
    (folder / FETCHED_FILE).write_text(json.dumps(record))
    (folder / FETCHED_FILE).chmod(READ_ONLY)
    reveal(folder, order.destination)
    return Fetched(sha256, len(contents), landing.bytes)


async def _receive(order: Order, landing: Landing) -> None:
    uri, name = order.uri, _archive_name(order.uri)
    if uri.scheme in ("configmap", "pvc"):
        if order.mounted is None:
            raise SettingsError(f"{uri.scheme} needs --mounted: the folder where kubelet mounts it")
        take_mounted(uri, order.mounted, name, landing)
        return
    async with downloader(order.rules, order.ca_bundle, order.retries, order.resolver) as client:
        if uri.scheme == "https":
            _check_https(uri)
            await receive_file(name, Ask(url_of(uri.text, encoded=False)), landing, client)
        else:
            await receive(uri, name, landing, client, order.caps)


def _check_https(uri: ArtifactUri) -> None:
    if not uri.is_archive:
        raise FetchError(
            "NotABundle", f"{uri.text} is no archive, and a web server lists no folders; use .tar.gz or .zip"
        )


def _archive_name(uri: ArtifactUri) -> str:
    """Name the archive's file by its suffix alone: what the URI is called is nobody's path here."""
    return ".archive" + next((suffix for suffix in ARCHIVE_SUFFIXES if uri.path.lower().endswith(suffix)), "")


def _verify(order: Order, sha256: str) -> None:
    if order.sha256 and sha256 != order.sha256:
        raise FetchError(
            "DigestMismatch", f"{order.uri.text} has sha256 {sha256}; the Model asks for {order.sha256}: correct either"
        )
    if order.pinned and sha256 != order.pinned:
        raise FetchError(
            "ArtifactChanged",
            f"{order.uri.text} has sha256 {sha256}; this revision began with {order.pinned}: use a new path or digest",
        )


def _unpacked(order: Order, landing: Landing) -> tuple[Path, dict[str, str]]:
    """Give the bundle's folder and its files' digests; an archive is unpacked and removed."""
    if not order.uri.is_archive:
        return landing.folder, landing.digests
    inner = landing.folder / "unpacked"
    inner.mkdir(mode=0o700)
    unpacked = Landing(inner, order.caps)
    archive = landing.folder / _archive_name(order.uri)
    unpack(archive, unpacked)
    archive.unlink()
    root = bundle_root(inner)
    prefix = "" if root == inner else f"{root.name}/"
    return root, {name.removeprefix(prefix): digest for name, digest in unpacked.digests.items()}


def _check_bundle(folder: Path, contents: Mapping[str, str]) -> None:
    """Refuse early, with the reason, what the server would refuse."""
    try:
        name = check_names(list(contents))
        _check_sizes(folder)
        with (folder / name).open("rb") as file:
            head = file.read(LOOKED_AT)
            file.seek(-min(LOOKED_AT, file.seek(0, 2)), 2)
            refuse_pickle(head, file.read(), name)
    except BundleError as error:
        shutil.rmtree(folder)
        reason: FetchReason = "PickleRefused" if error.reason == "PickleRefused" else "NotABundle"
        raise FetchError(reason, str(error)) from error


def _check_sizes(folder: Path) -> None:
    """Refuse documents that would take a server's memory to be read."""
    for name, most in MOST_BYTES.items():
        size = (folder / name).stat().st_size
        if size > most:
            raise BundleError("NotABundle", f"{name} has {size} bytes, more than {most}; make the bundle again")
