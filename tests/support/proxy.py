"""A proxy in front of PostgreSQL that breaks connections where it hurts. It runs in a thread of the test's process.

`lose(chance)`: with that chance an answer is thrown away and its connection closed: the server has done what it was asked, committed it, and the client cannot
know. `stall()`: the connections that are open never pass anything on again, and stay open (half-open sockets); new ones are accepted and get no answer, until
`heal()`. It understands as much of the protocol as it needs to find the ends of answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
import threading
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_ASKS_FOR_ENCRYPTION = (80877103, 80877104)  # TLS, GSSAPI
_READY = b"Z"


class DatabaseProxy:
    """`url` leads to the database of the URL given, through the proxy. `lost` counts answers thrown away, `stalled` connections left half-open."""

    def __init__(self, database_url: str, *, seed: int = 5) -> None:
        parts = urlsplit(database_url)
        self._server = (str(parts.hostname), int(parts.port or 5432))
        self._choose = random.Random(seed)
        self._chance = 0.0
        self._stalls = False
        self._open: set[_Line] = set()
        self.lost = self.stalled = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._listener = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        port = self._listener.sockets[0].getsockname()[1]
        login = (parts.netloc.rpartition("@")[0] + "@") if "@" in parts.netloc else ""
        self.url = urlunsplit(parts._replace(netloc=f"{login}127.0.0.1:{port}"))

    def _do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def lose(self, chance: float) -> None:
        """From now on throw answers away, with this chance each."""
        self._chance = chance

    def stall(self) -> None:
        """Pass nothing on any more, and close nothing."""
        self._loop.call_soon_threadsafe(self._stall)

    def _stall(self) -> None:
        self._stalls = True
        self.stalled += len(self._open)
        for line in self._open:
            line.dead = True

    def heal(self) -> None:
        """Serve new connections; those that were left half-open stay so."""
        self._stalls = False
        self._chance = 0.0

    def close(self) -> None:
        """Close everything."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _close(self) -> None:
        self._listener.close()
        for line in list(self._open):
            line.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(reader, writer)
        self._open.add(line)
        try:
            if self._stalls:
                line.dead = True
                self.stalled += 1
                await line.swallow()
                return
            first = await line.greeting()
            server_reader, line.server = await asyncio.open_connection(*self._server)
            line.server.write(first)
            both = [asyncio.create_task(line.up()), asyncio.create_task(self._down(line, server_reader))]
            _, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(line)
            line.close()

    async def _down(self, line: _Line, reader: asyncio.StreamReader) -> None:
        """The server's messages: those before the client is admitted at once, then an answer at a time."""
        admitted = False
        answer = bytearray()
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(5)
                kind, (length,) = head[:1], struct.unpack("!I", head[1:])
                answer += head + await reader.readexactly(length - 4)
                if admitted and kind != _READY and kind != b"A" and len(answer) < 1_000_000:
                    continue
                if line.dead:
                    await asyncio.Event().wait()  # until the client hangs up, which `up` sees
                if admitted and kind == _READY and self._choose.random() < self._chance:
                    self.lost += 1
                    return
                admitted = admitted or kind == _READY
                line.client.write(bytes(answer))
                await line.client.drain()
                answer.clear()


class _Line:
    """One client's connection and the one made for it."""

    def __init__(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.reader, self.client = reader, client
        self.server: asyncio.StreamWriter | None = None
        self.dead = False

    async def greeting(self) -> bytes:
        """The client's first message, once it has done without encryption."""
        while True:
            head = await self.reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            if code not in _ASKS_FOR_ENCRYPTION:
                return head + await self.reader.readexactly(length - 8)
            self.client.write(b"N")

    async def up(self) -> None:
        """What the client sends, as it comes."""
        assert self.server is not None
        with contextlib.suppress(OSError):
            while chunk := await self.reader.read(65536):
                if self.dead:
                    await self.swallow()
                    return
                self.server.write(chunk)
                await self.server.drain()

    async def swallow(self) -> None:
        """Take everything and answer nothing, until the client hangs up."""
        while await self.reader.read(65536):
            pass

    def close(self) -> None:
        """Close both."""
        for writer in (self.client, self.server):
            if writer is not None:
                writer.close()
