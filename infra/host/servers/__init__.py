"""The servers one machine carries itself: what each of them has in common, and where their ports and passwords are kept.

A server starts in steps. `start()` is a generator that yields a few words whenever it has to wait, so that several servers
come up together in one thread (`run_together`). One thread matters: on Linux a child asks to be told when its parent dies,
and the kernel takes the *thread* that made it for the parent.
"""

from __future__ import annotations

import json
import os
import random
import socket
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.host.processes import Child, ProcessLedger

Steps = Generator[str, None, None]
"""Yields what is being waited for; returns when it is done; raises ServerFailed."""

PAUSE_SECONDS = 0.05
_PORTS = range(20_000, 32_000)  # below the range from which Linux and macOS take outgoing ports


class ServerFailed(Exception):
    """A server could not be started. The message says why and what to do, in words for whoever typed `./run`."""


class ServerUnavailable(ServerFailed):
    """This machine lacks what the server needs (Java, say). Everything else can go on without it."""


class Interrupted(Exception):
    """Somebody asked to stop while servers were still starting."""


class Server(Protocol):
    """What the supervisor needs to know of a server."""

    name: str
    child: Child | None
    grace_seconds: float

    def start(self) -> Steps:
        """Brings the server up until it answers. Called again after a crash, it keeps the port that clients know."""

    def stop(self) -> None:
        """Asks it to stop; kills it when the grace has passed. Harmless when it does not run."""


class ServerMemory:
    """`<data>/servers.json` (0600): each server's port, password and place, so that a restart finds everything again."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> dict[str, Any]:
        """What is remembered of one server; an empty dict at first."""
        found = self._load().get(name, {})
        return dict(found)

    def remember(self, name: str, **values: Any) -> None:
        """Merges the values into what is remembered of `name`, atomically."""
        everything = self._load()
        everything[name] = {**everything.get(name, {}), **values}
        write_private(self.path, json.dumps(everything, indent=2) + "\n")

    def _load(self) -> dict[str, Any]:
        try:
            loaded = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ServerFailed(f"{self.path} is not readable as JSON ({error}); restore it from a backup") from error
        return loaded if isinstance(loaded, dict) else {}


@dataclass(frozen=True)
class Home:
    """The data folder as servers see it, with what they share."""

    data: Path
    logs: Path
    env: Mapping[str, str]
    ledger: ProcessLedger
    memory: ServerMemory

    @classmethod
    def at(cls, data: Path, env: Mapping[str, str]) -> Home:
        """Uses an existing folder; makes `logs` in it. `env` is what the servers' processes start from."""
        (data / "logs").mkdir(mode=0o700, exist_ok=True)
        return cls(data, data / "logs", env, ProcessLedger(data / "processes.json"), ServerMemory(data / "servers.json"))


def write_private(path: Path, text: str) -> None:
    """Writes a file only its owner may read, so that readers see the old content or the new, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(remembered: int | None = None) -> int:
    """The remembered loopback port when nobody has taken it, else another free one."""
    if remembered is not None and port_is_free(remembered):
        return remembered
    for _ in range(200):
        port = random.choice(_PORTS)
        if port_is_free(port):
            return port
    raise ServerFailed("no free port between 20000 and 32000 on 127.0.0.1")


def wait_until(ready: Callable[[], bool], child: Child, what: str, seconds: float) -> Steps:
    """Yields until `ready()`; raises ServerFailed with the end of the log when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not ready():
        code = child.poll()
        if code is not None:
            raise ServerFailed(f"{what} ended with status {code} while starting.\n{child.log_tail()}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{what} did not answer within {seconds:.0f} seconds.\n{child.log_tail()}")
        yield f"waiting for {what}"


def run_together(
    jobs: Mapping[str, Steps],
    *,
    on_wait: Callable[[dict[str, str]], None] = lambda waiting: None,
    interrupted: Callable[[], bool] = lambda: False,
) -> dict[str, ServerFailed]:
    """Runs all jobs to their end, in turns. Returns the failures by name; one job's failure does not stop the others.

    `on_wait` is called on each round with what every unfinished job waits for; what it raises ends the whole. Raises
    Interrupted as soon as `interrupted()` says so.
    """
    unfinished = dict(jobs)
    failures: dict[str, ServerFailed] = {}
    waiting: dict[str, str] = {}
    try:
        while unfinished:
            for name, steps in list(unfinished.items()):
                if interrupted():
                    raise Interrupted
                waiting.pop(name, None)
                try:
                    waiting[name] = next(steps)
                    continue
                except StopIteration:
                    pass
                except ServerFailed as failure:
                    failures[name] = failure
                del unfinished[name]
            if unfinished:
                on_wait(dict(waiting))
                time.sleep(PAUSE_SECONDS)
    finally:
        for steps in unfinished.values():
            steps.close()  # ends what they had started on the way, such as initdb
    return failures


def run_alone(steps: Steps) -> None:
    """Runs one job to its end, raising what it raises."""
    for _ in steps:
        time.sleep(PAUSE_SECONDS)
