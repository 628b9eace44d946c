"""Waking the engine on AWS: an asynchronous invocation, at most one in flight per two seconds.

The winner of a token invokes; the engine gives the token back before its first claim, so that what came after it looked wakes it again. The token is in Redis,
or without Redis a guarded one-row update. Losing the race, or the call, costs at most the minute until the tick.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Any

from chalicelib.core.cache import cache
from chalicelib.core.config import settings
from chalicelib.core.db import hot

log = logging.getLogger("millrace.engine")

TOKEN = "engine-wake"  # noqa: S105 - a lock's name, not a secret
TOKEN_MS = 2000

_TAKE = """
INSERT INTO ticks (name, holder) VALUES (%(name)s, 'wake') ON CONFLICT (name) DO UPDATE SET started_at = now()
WHERE ticks.started_at < now() - make_interval(secs => %(seconds)s) RETURNING name
"""
_GIVE_BACK = "UPDATE ticks SET started_at = '-infinity' WHERE name = %(name)s"


@lru_cache(maxsize=1)
def _client() -> Any:
    import boto3
    from botocore.config import Config

    # The caller has a request to answer: when Lambda does not answer, the tick is the better way.
    return boto3.client("lambda", config=Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 1}))


def invoke_engine() -> None:
    """Start an engine unless somebody just did. Never raises."""
    try:
        if _take_token():
            _client().invoke(FunctionName=settings().engine_function, InvocationType="Event", Payload=b'{"source":"wake"}')
    except Exception as error:  # a hint: the tick is the floor
        log.warning("the engine could not be woken, the next tick will do it: %s", error)


def invoke_engines(count: int) -> None:
    """Start `count` engines, whoever else did: the tick's proportionate answer to a backlog."""
    for _ in range(count):
        _client().invoke(FunctionName=settings().engine_function, InvocationType="Event", Payload=b'{"source":"tick"}')


def _take_token() -> bool:
    won = cache().set_nx(TOKEN, "1", TOKEN_MS)
    if won is None:
        url = settings().require_database_url()
        return bool(hot(url).execute(_TAKE, {"name": TOKEN, "seconds": TOKEN_MS / 1000}))
    return won


def give_token_back() -> None:
    """Called by the engine before its first claim."""
    if settings().redis_enabled:
        cache().delete(TOKEN)
    else:
        hot(settings().require_database_url()).execute(_GIVE_BACK, {"name": TOKEN})
