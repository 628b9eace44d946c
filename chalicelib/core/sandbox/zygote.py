"""The process from which sandboxes are born: it loads the interpreters once, gives up the network and the files, and then forks a process for each run.

It never sees what users wrote or what their code is given: that goes over a socket of each process's own, which is handed through. It ends, with all it has
started, when the socket it was given is closed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
from typing import Any

from chalicelib.core.sandbox import jail, limits
from chalicelib.core.sandbox.javascript import JavaScript
from chalicelib.core.sandbox.job import HEADER, MAX_FRAME, Failure, Ran, framed
from chalicelib.core.sandbox.python import Python

READY = b"\x01"


def main(descriptor: int, binary: str, cpu_seconds: int) -> None:
    """Serve until the control socket, given by its descriptor, is closed. `binary` is Python's interpreter (Monty's program)."""
    limits.CPU_SECONDS = cpu_seconds
    control = socket.socket(fileno=descriptor)
    control.set_inheritable(False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for whoever started us
    missing = jail.isolate(_files(binary))
    control.send(json.dumps({"missing": missing + _trial()}).encode())
    gc.freeze()
    _serve(control, binary)


def _files(binary: str) -> list[str] | None:
    """The program and what its loader says it needs; None when nobody can say."""
    try:
        told = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [binary, *(word for line in told.splitlines() for word in line.split() if word.startswith("/"))]


def _trial() -> list[str]:
    """What the steps of a single process will lack, found by one that takes them and ends."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        missing = jail.drop_rights(0)
        missing += jail.confine()
        os.write(writing, json.dumps(sorted(set(missing))).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read()
    os.waitpid(pid, 0)
    return list(json.loads(told or b'["the steps of a single process could not be tried"]'))


def _serve(control: socket.socket, binary: str) -> None:
    """Orders come one a message: [number, language] with a socket to start a process, [number] to end it."""
    children: dict[int, int] = {}
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 200, 1, getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        if not message:
            os._exit(0)
        order = json.loads(message)
        if len(order) == 1:
            _end(children.pop(order[0], None))
            continue
        number, language = order
        pid = os.fork()
        if pid == 0:
            control.close()
            _become(number, language, socket.socket(fileno=descriptors[0]), binary)
        children[number] = pid
        os.close(descriptors[0])


def _end(pid: int | None) -> None:
    """Kill a process with all it has started, and wait for it: until then nobody else can have its pid."""
    if pid is None:
        return
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _become(number: int, language: str, job: socket.socket, binary: str) -> None:
    """Be the process of one run, and end."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        _redirect_output()
        jail.drop_rights(number)
        runner: Any = Python(binary) if language == "python" else JavaScript()
        runner.start()
        jail.confine(jail.running_children() if language == "python" else ())
        job.sendall(READY)
        given = _read(job)
        if given is not None:
            job.sendall(_answer(runner, given))
    finally:
        os._exit(0)


def _redirect_output() -> None:
    """Nothing that is printed here may end up in the logs: neither descriptor leads anywhere."""
    reading, writing = os.pipe()
    os.close(reading)
    for number in (0, 1, 2):
        os.dup2(writing, number)
    os.close(writing)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


def _read(job: socket.socket) -> dict[str, str] | None:
    header = _exactly(job, HEADER.size)
    if header is None:
        return None
    body = _exactly(job, min(HEADER.unpack(header)[0], MAX_FRAME))
    return None if body is None else json.loads(body)


def _exactly(job: socket.socket, size: int) -> bytes | None:
    pieces = bytearray()
    while len(pieces) < size:
        piece = job.recv(min(size - len(pieces), 1 << 16))
        if not piece:
            return None
        pieces += piece
    return bytes(pieces)


def _answer(runner: Any, given: dict[str, str]) -> bytes:
    try:
        ran = runner.run(given["source"], given["input"])
    except MemoryError:
        ran = Ran(None, Failure("function_limit", "the function was ended: it needs more memory than it may have"))
    except Exception as error:  # whatever an interpreter does: the run failed, and the caller is told
        ran = Ran(None, Failure("function_error", f"{type(error).__name__}: {error}"[:500]))
    return framed(ran.as_json())
