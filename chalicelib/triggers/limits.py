"""How often a trigger may be called: a token bucket for each trigger, in one row, counted by the database's clock for all processes together.

A process that was told that the bucket is empty refuses by itself until the next token is due, so that a flood does not reach the database.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from chalicelib.core.errors import RateLimited, Unavailable
from chalicelib.core.hot import hot_execute
from chalicelib.triggers.doors import Door

MAX_REMEMBERED = 10_000

# `full_at` is when the bucket would be full again; each call moves it by a step, and none may move it further than the whole time. A millisecond forgives rounding.
_TAKE = """
INSERT INTO trigger_limits AS l (trigger_id, full_at) VALUES (%(id)s, now() + make_interval(secs => %(step)s))
ON CONFLICT (trigger_id) DO UPDATE SET full_at = greatest(l.full_at, now()) + make_interval(secs => %(step)s)
WHERE greatest(l.full_at, now()) + make_interval(secs => %(step)s) <= now() + make_interval(secs => %(per)s + 0.001)
RETURNING extract(epoch FROM full_at - now())::float8 AS full_in
"""
_LOOK = "SELECT extract(epoch FROM full_at - now())::float8 AS full_in FROM trigger_limits WHERE trigger_id = %(id)s"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left after a call. `full_in`: seconds until all calls are there again."""

    limit: int
    per_seconds: int
    full_in: float

    @property
    def remaining(self) -> int:
        """Calls that would be taken now."""
        return max(0, min(self.limit, math.floor((self.per_seconds - self.full_in) * self.limit / self.per_seconds + 0.01)))

    @property
    def next_in(self) -> float:
        """Seconds until one more call would be taken; 0 when it would now."""
        return max(0.0, self.full_in + self.per_seconds / self.limit - self.per_seconds)

    def headers(self) -> dict[str, str]:
        """The IETF's RateLimit fields, and those of its earlier drafts, which most clients read."""
        reset = math.ceil(max(0.0, self.full_in))
        return {
            "RateLimit-Policy": f'"trigger";q={self.limit};w={self.per_seconds}',
            "RateLimit": f'"trigger";r={self.remaining};t={reset}',
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(reset),
        }


# (trigger, revision) -> when its bucket was last seen empty, until when it stays so (monotonic seconds), and how it stood.
_empty: dict[tuple[str, int], tuple[float, float, Standing]] = {}
_lock = threading.Lock()


def count_call(door: Door) -> Standing | None:
    """Take one call from the trigger's bucket; None when it has no limit. Raises RateLimited with `Retry-After`, Unavailable without a database."""
    limit = door.config.get("rate_limit")
    if limit is None:
        return None
    known = _empty.get((door.row["id"], door.row["revision"]))
    now = time.monotonic()
    if known is not None and now < known[1]:
        seen = known[2]
        raise refused(Standing(seen.limit, seen.per_seconds, seen.full_in - (now - known[0])))
    taken, standing = _take(door.row["id"], limit)
    if not taken:
        _remember((door.row["id"], door.row["revision"]), now, standing)
        raise refused(standing)
    return standing


def _take(trigger_id: str, limit: Mapping[str, int]) -> tuple[bool, Standing]:
    calls, per = limit["limit"], limit["per_seconds"]
    try:
        rows = hot_execute(_TAKE, {"id": trigger_id, "step": per / calls, "per": per})
        taken = bool(rows)
        rows = rows or hot_execute(_LOOK, {"id": trigger_id})
    except psycopg.Error as error:
        raise Unavailable("the database does not answer; send the request again, with the same key it starts only once") from error
    return taken, Standing(calls, per, rows[0]["full_in"] if rows else 0.0)


def _remember(key: tuple[str, int], now: float, standing: Standing) -> None:
    with _lock:
        if len(_empty) >= MAX_REMEMBERED:
            _empty.clear()
        _empty[key] = (now, now + standing.next_in, standing)


def refused(standing: Standing) -> RateLimited:
    """429 with how things stand."""
    error = RateLimited(
        f"this trigger takes {standing.limit} calls in {standing.per_seconds} seconds; come back when Retry-After says",
        retry_after=max(1, math.ceil(standing.next_in)),
    )
    error.headers |= standing.headers()
    return error
