"""Redis or Valkey as a cache and for hints. Nothing here is the truth: every call may answer "don't know", and never raises.

After a few failures in a row the circuit opens and calls answer at once for a while, so that a Redis that accepts and never answers costs at most a few
short timeouts. Keys carry the prefix `millrace:`; every write has a time to live.
"""

from __future__ import annotations

import logging
import time
from functools import lru_cache
from typing import Any, Protocol

from chalicelib.core.config import settings

log = logging.getLogger("millrace.cache")

PREFIX = "millrace:"
TIMEOUT_SECONDS = 0.25
FAILURES_TO_OPEN = 3
OPEN_SECONDS = 5.0


class Circuit:
    """Counts failures; open after FAILURES_TO_OPEN in a row, for OPEN_SECONDS, then lets one call try."""

    def __init__(self) -> None:
        self._failures = 0
        self._closed_again_at = 0.0

    @property
    def open(self) -> bool:
        """Whether calls should not even be tried."""
        return time.monotonic() < self._closed_again_at

    def succeeded(self) -> None:
        """A call worked."""
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """A call did not work."""
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            self._closed_again_at = time.monotonic() + OPEN_SECONDS
            log.warning("cache does not answer, going on without it for %.0f s: %s", OPEN_SECONDS, error)


class Cache(Protocol):
    """What services may ask of a cache."""

    def get(self, key: str) -> bytes | None:
        """The value, or None when absent or unknown."""

    def set(self, key: str, value: str | bytes, ttl_seconds: int) -> None:
        """Keep a value for at most this long."""

    def set_nx(self, key: str, value: str, ttl_ms: int) -> bool | None:
        """Take a token: True won, False somebody has it, None unknown (then go on without it)."""

    def delete(self, *keys: str) -> None:
        """Forget keys."""

    def health(self) -> dict[str, str]:
        """{"status": ok|down|off, "detail": ...} for the health page."""


class NullCache:
    """REDIS_URL=none."""

    def get(self, key: str) -> bytes | None:
        """Nothing is known."""
        return None

    def set(self, key: str, value: str | bytes, ttl_seconds: int) -> None:
        """Nothing is kept."""

    def set_nx(self, key: str, value: str, ttl_ms: int) -> bool | None:
        """Unknown."""
        return None

    def delete(self, *keys: str) -> None:
        """Nothing to forget."""

    def health(self) -> dict[str, str]:
        """Off, on purpose."""
        return {"status": "off", "detail": "REDIS_URL is none; definitions and contexts are read from PostgreSQL"}


class RedisCache:
    """The synchronous cache of the REST side, the tick and the entrances."""

    def __init__(self, url: str) -> None:
        import redis

        options: dict[str, Any] = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
        if url.startswith(("redis+cluster://", "rediss+cluster://")):
            self._client: Any = redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
        else:
            self._client = redis.Redis.from_url(url, **options)
        self._circuit = Circuit()

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        if self._circuit.open:
            return None
        try:
            answer = getattr(self._client, name)(*arguments, **options)
        except Exception as error:  # a cache must never break its caller, whatever the client raises
            self._circuit.failed(error)
            return None
        self._circuit.succeeded()
        return answer

    def get(self, key: str) -> bytes | None:
        """The value, or None when absent or Redis does not answer."""
        return self._call("get", PREFIX + key)

    def set(self, key: str, value: str | bytes, ttl_seconds: int) -> None:
        """Keep a value for at most this long."""
        self._call("set", PREFIX + key, value, ex=max(1, ttl_seconds))

    def set_nx(self, key: str, value: str, ttl_ms: int) -> bool | None:
        """Take a token; None when Redis does not answer."""
        if self._circuit.open:
            return None
        failures_before = self._circuit._failures
        answer = self._call("set", PREFIX + key, value, nx=True, px=ttl_ms)
        if answer is None and self._circuit._failures > failures_before:
            return None
        return bool(answer)

    def delete(self, *keys: str) -> None:
        """Forget keys."""
        for key in keys:
            self._call("delete", PREFIX + key)

    def health(self) -> dict[str, str]:
        """Asks Redis now."""
        try:
            self._client.ping()
        except Exception as error:  # reported, not raised
            return {
                "status": "down",
                "detail": f"Redis does not answer ({type(error).__name__}); Millrace goes on without it, more slowly",
            }
        return {"status": "ok", "detail": "Redis answers"}


@lru_cache(maxsize=4)
def _cache_for(url: str | None) -> Cache:
    return RedisCache(url) if url and url != "none" else NullCache()


def cache() -> Cache:
    """The process's cache, by REDIS_URL."""
    return _cache_for(settings().redis_url)
