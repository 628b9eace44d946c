"""The asynchronous side of the cache, for the engine's worker: the same keys, timeouts and circuit as core/cache.py, and as little trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.core.cache import PREFIX, TIMEOUT_SECONDS, Circuit


class AsyncCache:
    """Redis by URL; with no URL (or `none`) every call answers "don't know"."""

    def __init__(self, url: str | None) -> None:
        self._client: Any = None
        self._circuit = Circuit()
        if url and url != "none":
            import redis.asyncio as redis

            options: dict[str, Any] = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
            if url.startswith(("redis+cluster://", "rediss+cluster://")):
                self._client = redis.RedisCluster.from_url(url.replace("+cluster", "", 1), **options)
            else:
                self._client = redis.Redis.from_url(url, **options)

    @property
    def on(self) -> bool:
        """Whether asking makes sense now."""
        return self._client is not None and not self._circuit.open

    async def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """Values in the order of the keys, None where absent or unknown."""
        if not self.on or not keys:
            return [None] * len(keys)
        try:
            values = await self._client.mget([PREFIX + key for key in keys])
        except Exception as error:  # a cache must never break its caller, whatever the client raises
            self._circuit.failed(error)
            return [None] * len(keys)
        self._circuit.succeeded()
        return list(values)

    async def set(self, key: str, value: str | bytes, ttl_seconds: int) -> None:
        """Keep a value for at most this long."""
        if self.on:
            try:
                await self._client.set(PREFIX + key, value, ex=max(1, ttl_seconds))
                self._circuit.succeeded()
            except Exception as error:  # see get_many
                self._circuit.failed(error)

    async def delete(self, *keys: str) -> None:
        """Forget keys."""
        if self.on and keys:
            try:
                for key in keys:
                    await self._client.delete(PREFIX + key)
                self._circuit.succeeded()
            except Exception as error:  # see get_many
                self._circuit.failed(error)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
