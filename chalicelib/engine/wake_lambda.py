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
from chalicelib.core.hot import hot_execute

log = logging.getLogger("millrace.engine")

TOKEN = "engine-wake"  # noqa: S105 - a lock's name, not a secret
TOKEN_MS = 2000

_TAKE = """
INSERT INTO ticks (name, holder) VALUES (%(name)s, 'wake') ON CONFLICT (name) DO UPDATE SET started_at = now()
WHERE ticks.started_at < now() - make_interval(secs => %(seconds)s) RETURNING name
"""
_GIVE_BACK = "UPDATE ticks SET started_at = '-infinity' WHERE name = %(name)s"


@lru_cache(maxsize=1)
def _connections() -> Any:
    import urllib3

    # The caller has a request to answer: when Lambda does not answer, the tick is the better way.
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=1, read=3), retries=False)


def _invoke(payload: bytes) -> None:
    """Have Lambda run the engine, without waiting for its end. Signed with the function's own credentials, which Lambda keeps in the environment.

    Not by boto3: importing it and making its client costs a quarter of a second of CPU at a cold start, more than everything else on a webhook's path.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import EnvProvider

    url = f"{settings().lambda_url}/2015-03-31/functions/{settings().engine_function}/invocations"
    request = AWSRequest("POST", url, data=payload, headers={"Content-Type": "application/json", "X-Amz-Invocation-Type": "Event"})
    SigV4Auth(EnvProvider().load(), "lambda", settings().aws_region).add_auth(request)
    sent = request.prepare()
    answer = _connections().request("POST", sent.url, body=payload, headers=dict(sent.headers))
    if answer.status >= 300:
        raise RuntimeError(f"Lambda answered {answer.status}: {answer.data[:200]!r}")


def invoke_engine() -> None:
    """Start an engine unless somebody just did. Never raises."""
    try:
        if _take_token():
            _invoke(b'{"source":"wake"}')
    except Exception as error:  # a hint: the tick is the floor
        log.warning("the engine could not be woken, the next tick will do it: %s", error)


def invoke_engines(count: int) -> None:
    """Start `count` engines, whoever else did: the tick's proportionate answer to a backlog."""
    for _ in range(count):
        _invoke(b'{"source":"tick"}')


def _take_token() -> bool:
    won = cache().set_nx(TOKEN, "1", TOKEN_MS)
    if won is None:
        return bool(hot_execute(_TAKE, {"name": TOKEN, "seconds": TOKEN_MS / 1000}))
    return won


def give_token_back() -> None:
    """Called by the engine before its first claim."""
    if settings().redis_enabled:
        cache().delete(TOKEN)
    else:
        hot_execute(_GIVE_BACK, {"name": TOKEN})
