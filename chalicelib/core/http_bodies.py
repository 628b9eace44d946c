"""Bodies of answers, read as streams: bounded as they arrive and as they are decoded, and never longer in memory than they need."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

_ON_LOOP_BYTES = 8_192
_MAX_MEMBERS = 1000
_CODINGS = frozenset(("gzip", "x-gzip", "deflate"))


class BodyTooLarge(Exception):
    """More bytes than are accepted, as received or as decoded."""


async def read_body(response: Any, cap: int, take: Callable[[bytes], None] | None = None) -> bytes:
    """The decoded body of an aiohttp response; with `take` it goes there as it comes, and b"" is returned. Reading and decoding stop as soon as either passes
    `cap` bytes.

    Raises BodyTooLarge, and ValueError whose words say what the body is.
    """
    if response.method != "HEAD" and (response.content_length or 0) > cap:
        raise BodyTooLarge
    coding = response.headers.get("Content-Encoding", "").strip().lower()
    inflater = Inflater(cap) if coding in _CODINGS else None
    kept: list[bytes] = []
    received = 0
    async for piece in response.content.iter_any():
        if inflater is None and coding not in ("", "identity"):
            raise ValueError(f"the content encoding {coding[:40]!r}, which was not asked for")
        received += len(piece)
        if received > cap:
            raise BodyTooLarge
        if inflater is not None:
            piece = await _inflated(inflater, piece, coding)
        (take or kept.append)(piece)
    if inflater is not None and received:
        try:
            inflater.end()
        except ValueError as error:
            raise ValueError(f"a body that is not {coding}: {error}") from None
    return kept[0] if len(kept) == 1 else b"".join(kept)


async def _inflated(inflater: Inflater, piece: bytes, coding: str) -> bytes:
    """A few kilobytes can inflate to megabytes; more than that is decoded beside the event loop."""
    try:
        return inflater.feed(piece) if len(piece) <= _ON_LOOP_BYTES else await asyncio.to_thread(inflater.feed, piece)
    except ValueError as error:
        raise ValueError(f"a body that is not {coding}: {error}") from None


class Inflater:
    """Decodes gzip (all its members), zlib or bare deflate in pieces, up to `cap` bytes in all."""

    def __init__(self, cap: int) -> None:
        self._left = cap
        self._head = b""
        self._wbits = 0
        self._members = 0
        self._decoder: Any = None

    def feed(self, piece: bytes) -> bytes:
        """What the next bytes decode to. Raises BodyTooLarge, and ValueError for what is none of the formats."""
        if self._members == 0:
            self._head += piece
            if len(self._head) < 2:
                return b""
            piece, self._head = self._head, b""
            self._wbits = _wbits_of(piece)
        out = bytearray()
        while piece:
            if self._decoder is None or self._decoder.eof:
                self._begin_member()
            try:
                out += self._decoder.decompress(piece, self._left + 1 - len(out))
            except zlib.error as error:
                raise ValueError(str(error)) from None
            if len(out) > self._left:
                raise BodyTooLarge
            piece = self._decoder.unused_data
        self._left -= len(out)
        return bytes(out)

    def end(self) -> None:
        """There are no more. Raises ValueError when there should be."""
        if self._decoder is None or not self._decoder.eof:
            raise ValueError("it ends too early")

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise ValueError(f"more than {_MAX_MEMBERS} parts")
        self._decoder = zlib.decompressobj(self._wbits)


def _wbits_of(head: bytes) -> int:
    """`deflate` should mean zlib, but some servers send the bare format; the first two bytes tell. 47: gzip or zlib, by the header."""
    wrapped = head[:2] == b"\x1f\x8b" or (head[0] & 15 == 8 and int.from_bytes(head[:2], "big") % 31 == 0)
    return 47 if wrapped else -15
