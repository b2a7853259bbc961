"""Which hosts may be asked: by the platform's list, and never a private address that the list does not name."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from weirkeeper_server.errors import FetchError

_DISGUISED: Final = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)\.?")
"""Hosts that some resolvers take for an IPv4 address: no name's last part is a number."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class HostRules:
    """The chart's list of hosts: exact names (with or without a port), `*.example.com`, or `*` for every public one.

    Only an exact name may lead to a private, loopback or link-local address, or be asked without TLS: an object store
    in the cluster is such a host, a pattern could be anybody's.
    """

    allowed: Sequence[str]

    def named(self, host: str, port: int | None = None) -> bool:
        """Say whether the list names the host itself."""
        names = {entry.lower().rstrip(".") for entry in self.allowed}
        host = host.lower().rstrip(".")
        return host in names or (port is not None and f"{host}:{port}" in names)

    def check(self, url: URL) -> None:
        """Check a URL before it is asked, a redirect's as well.

        Raises:
            FetchError: HostNotAllowed.
        """
        host = url.host or ""
        if not self.named(host, url.port) and not self._by_pattern(host):
            raise FetchError(
                "HostNotAllowed",
                f"host {host!r} is not on the platform's list ({', '.join(self.allowed) or 'which is empty'}); "
                "ask whoever installed the chart to add it to artifacts.allowedHosts",
            )
        if url.scheme != "https" and not (url.scheme == "http" and self.named(host, url.port)):
            raise FetchError("HostNotAllowed", f"{url.scheme}://{host} is not encrypted; use https")
        if url.user or url.password:
            raise FetchError("HostNotAllowed", f"a URL at {host} carries credentials; put them into a Secret")
        if (address := _literal(host)) is not None:
            self.check_address(host, str(address))
        elif _DISGUISED.fullmatch(host.lower()):
            raise FetchError("HostNotAllowed", f"host {host!r} is an address in an unusual form; write its name")

    def _by_pattern(self, host: str) -> bool:
        suffixes = [entry.lower()[1:] for entry in self.allowed if entry.startswith("*.")]
        return "*" in self.allowed or host.lower().endswith(tuple(suffixes))

    def check_address(self, host: str, address: str) -> None:
        """Check an address that a host has.

        Raises:
            FetchError: HostNotAllowed, it is not public and the list does not name the host.
        """
        if not self._named_anyhow(host) and not is_public(address):
            raise FetchError(
                "HostNotAllowed",
                f"host {host!r} has the address {address}, which is not public; only a host that "
                "artifacts.allowedHosts names exactly may have such an address",
            )

    def _named_anyhow(self, host: str) -> bool:
        return self.named(host) or any(entry.lower().startswith(f"{host.lower()}:") for entry in self.allowed)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(address: str) -> bool:
    """Say whether an address is of the public internet, looking through IPv4 within IPv6."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast


class GuardedResolver(AbstractResolver):
    """Resolves a name once and hands on checked addresses only; connections go to these, so no second answer counts."""

    def __init__(self, rules: HostRules, resolver: AbstractResolver | None = None) -> None:
        self._rules = rules
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolve and check every address.

        Raises:
            FetchError: HostNotAllowed.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            self._rules.check_address(host, result["host"])
        return found

    async def close(self) -> None:
        """Release what the resolver beneath holds."""
        await self._resolver.close()
