"""The head that a connection sends again and again, which is read once."""

from __future__ import annotations

import re
from typing import Final

from weirkeeper_server.correlation import given_id
from weirkeeper_server.http_door.request import Head, HttpRequest

LONGEST: Final = 2 * 2**10
"""Bytes of a head that is kept."""
TRIES: Final = 8
"""So many heads in a row are kept for nothing until none is any more: behind some proxies each is another."""
_END: Final = b"\r\n\r\n"
_OF_AN_ID: Final = re.compile(rb"\r\nx-request-id:[ \t]*([\x21-\x7e]+)[ \t]*(?=\r\n)", re.IGNORECASE)
_OTHERWISE: Final = frozenset({b"transfer-encoding", b"expect", b"upgrade"})
"""Fields by which the end of a request, or what comes before it, is not told by the head's length and its own."""


class KnownHead:
    """Keeps the latest head of one connection with the length of its request, as the parser found them.

    A request of the same length that begins with the same bytes is the same request with another body. Only its id may
    be another one too, of the same length: proxies number requests, as our router does.
    """

    __slots__ = ("_after", "_head", "_id", "_length", "_size", "_start", "_tries")

    def __init__(self) -> None:
        self._start = b""
        self._id = 0
        self._after = b""
        self._size = 0
        self._length = -1
        self._head: Head
        self._tries = TRIES

    def again(self, data: bytes) -> HttpRequest | None:
        """Make the request of data that begin where a request begins; None where another head is in them."""
        if len(data) != self._length or not data.startswith(self._start):
            return None
        identifier = ""
        if self._id:
            begin = len(self._start)
            identifier = given_id(data[begin : begin + self._id].decode("latin-1")) or ""
            if not identifier or not data.startswith(self._after, begin + self._id):
                return None
        self._tries = TRIES
        request = HttpRequest(self._head)
        request.identifier = identifier
        request.body = data[self._size :]
        request.size = len(request.body)
        return request

    def keep(self, data: bytes, request: HttpRequest) -> None:
        """Keep the head of data in which nothing but a request was found, if only its body can change."""
        self._length = -1
        if not self._tries or not request.keep_alive or not request.head.fields.keys().isdisjoint(_OTHERWISE):
            return
        self._tries -= 1
        length = data.find(_END) + len(_END)
        # Empty lines may stand before a request, and have been read with the one before it.
        if length + request.size == len(data) and length <= LONGEST:
            self._length, self._head, self._size = len(data), request.head, length
            self._part(data[:length])

    def _part(self, head: bytes) -> None:
        """Part the bytes of a head at the id of its request, if it has one that can be logged."""
        self._start, self._id, self._after = head, 0, b""
        given = list(_OF_AN_ID.finditer(head))
        if len(given) == 1 and given_id(given[0][1].decode()):
            begin, end = given[0].span(1)
            self._start, self._id, self._after = head[:begin], end - begin, head[end:]
