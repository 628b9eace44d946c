"""Sandboxes on this machine: processes kept ready, one for each run, killed when it is over.

All sockets here belong to one event loop. What comes back from a sandbox is read with a limit and not believed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from chalicelib.core.sandbox import launch, limits
from chalicelib.core.sandbox.job import HEADER, MAX_FRAME, Failure, Job, Language, Ran

log = logging.getLogger("millrace.sandbox")

READY_AHEAD = 3  # processes kept ready for each language that has been used
RUNNING_AT_ONCE = 8
_ROOT = Path(__file__).resolve().parents[3]


class SandboxUnavailable(Exception):
    """No sandbox can be had on this machine, or not now; the message says why."""


@dataclass(slots=True)
class _Place:
    """One sandbox: its number with the zygote, and our end of its socket."""

    number: int
    socket: socket.socket

    def is_ready(self) -> bool:
        """Whether it has said so already (or has died)."""
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True


class SandboxPool:
    """Runs jobs. Made and used within one event loop; `close` it in the same. `cpu_seconds` is what a run may compute."""

    def __init__(self, cpu_seconds: int = limits.CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()
        self._turn = asyncio.Semaphore(RUNNING_AT_ONCE)
        self._waiting: dict[Language, deque[_Place]] = {"python": deque(), "javascript": deque()}
        self._numbers = secrets.randbelow(5_000_000)  # users are numbered by it, and other pools of this machine count too
        self.missing: list[str] = []

    async def run(self, job: Job) -> Ran:
        """Run a job in a process of its own. When the caller is cancelled, the process is killed. Raises SandboxUnavailable."""
        async with self._turn:
            place = await self._place(job.language)
            try:
                return await self._converse(place, job)
            finally:
                self._end(place)

    async def warm(self, *languages: Language) -> None:
        """Have processes ready for these languages before they are needed. Raises SandboxUnavailable."""
        await self._started()
        for language in languages:
            self._refill(language)
            while not all(place.is_ready() for place in self._waiting[language]):
                await asyncio.sleep(0.01)

    def close(self) -> None:
        """End everything: the processes end when their socket does."""
        for places in self._waiting.values():
            while places:
                places.popleft().socket.close()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2.0)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        self._process = self._control = None

    # -- the zygote ----------------------------------------------------------------------------------------------------------------

    async def _started(self) -> None:
        async with self._starting:
            if self._process is not None and self._process.poll() is None:
                return
            self.close()
            loop = asyncio.get_running_loop()
            ours, theirs = socket.socketpair(
                socket.AF_UNIX, socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
            )
            with theirs:
                self._process = await asyncio.to_thread(_spawn, theirs, self._cpu_seconds)
            ours.setblocking(False)
            self._control = ours
            try:
                async with asyncio.timeout(limits.START_SECONDS):
                    told = await loop.sock_recv(ours, 10_000)
            except TimeoutError:
                told = b""
            if not told:
                self.close()
                raise SandboxUnavailable("the sandbox does not start; the worker's log says why")
            self.missing = [str(word) for word in json.loads(told)["missing"]]
            if self.missing:
                log.warning(
                    "the sandbox for function nodes has fewer walls on this machine; not available: %s", "; ".join(self.missing)
                )

    def _order(self, order: list[object], descriptor: int | None = None) -> None:
        """One message to the zygote. It reads them quickly; when it does not, the socket's buffer takes hundreds."""
        if self._control is None:
            raise SandboxUnavailable("the sandbox has been closed")
        data = json.dumps(order).encode()
        try:
            socket.send_fds(self._control, [data], [descriptor] if descriptor is not None else [])
        except OSError as error:
            raise SandboxUnavailable(f"the sandbox does not answer ({error.strerror})") from None

    # -- places --------------------------------------------------------------------------------------------------------------------

    async def _place(self, language: Language) -> _Place:
        """A process that is ready; another is begun in its stead."""
        for _ in range(3):
            await self._started()
            places = self._waiting[language]
            if not places:
                places.append(self._begin(language))
            place = next((each for each in places if each.is_ready()), places[0])
            places.remove(place)
            self._refill(language)
            if await _becomes_ready(place.socket):
                return place
            self._end(place)
        raise SandboxUnavailable(f"no sandbox for {language} becomes ready; the worker's log says why")

    def _refill(self, language: Language) -> None:
        while len(self._waiting[language]) < READY_AHEAD:
            self._waiting[language].append(self._begin(language))

    def _begin(self, language: Language) -> _Place:
        self._numbers += 1
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._order([self._numbers, language], theirs.fileno())
        return _Place(self._numbers, ours)

    def _end(self, place: _Place) -> None:
        place.socket.close()
        with contextlib.suppress(SandboxUnavailable):
            self._order([place.number])

    @staticmethod
    async def _converse(place: _Place, job: Job) -> Ran:
        """Hand the job over and read the answer."""
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(place.socket, job.frame())
            size = HEADER.unpack(await _exactly(place.socket, HEADER.size))[0]
            if size > MAX_FRAME:
                raise ValueError("an answer that is too long")
            return Ran.read(json.loads(await _exactly(place.socket, size)))
        except (OSError, EOFError):
            return Ran(None, Failure("function_limit", "the function was ended: it used more CPU or memory than it may"))
        except (ValueError, RecursionError) as error:
            log.warning("a sandbox gave an answer that is none of ours: %s", error)
            return Ran(None, Failure("function_error", "the sandbox gave an answer that cannot be read"))


async def _becomes_ready(connection: socket.socket) -> bool:
    try:
        async with asyncio.timeout(limits.START_SECONDS):
            return bool(await asyncio.get_running_loop().sock_recv(connection, 1))
    except OSError:  # TimeoutError is one
        return False


async def _exactly(connection: socket.socket, size: int) -> bytes:
    """Raises EOFError when the other end is closed before."""
    loop, pieces = asyncio.get_running_loop(), bytearray()
    while len(pieces) < size:
        piece = await loop.sock_recv(connection, min(size - len(pieces), 1 << 18))
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)


def _spawn(control: socket.socket, cpu_seconds: int) -> subprocess.Popen[bytes]:
    """Start the zygote with nothing of ours but one socket. Raises SandboxUnavailable."""
    binary = monty_binary()
    if binary is None:
        raise SandboxUnavailable("the program `monty` is not installed; install requirements-sandbox.txt")
    return launch.start(control, binary, [str(_ROOT), sysconfig.get_path("purelib")], cpu_seconds)


def monty_binary() -> str | None:
    """Where Monty's program is: beside this interpreter, or in the packages' `bin` (as pip's --target puts it, and so AWS's artifact)."""
    beside = Path(sys.executable).parent / "monty"
    for path in (beside, _ROOT / "bin" / "monty"):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    return shutil.which("monty")
