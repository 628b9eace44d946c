"""AWS APIs through botocore, over our own guarded HTTP client: botocore writes, signs and reads the messages, and never opens a connection itself.

A client lives for one call's worth of credentials and is cheap after the first of its service, since botocore keeps the service's description.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from chalicelib.core.egress import Target, parse_url
from chalicelib.core.http import CallFailed, HttpClient

MAX_ANSWER_BYTES = 10_000_000
_making = threading.Lock()
_exchange: ContextVar[Callable[[Any], Any]] = ContextVar("aws_exchange")


class _Body(BytesIO):
    """What botocore reads an answer from."""

    def stream(self, size: int = 65_536, **_: Any) -> Any:
        """In pieces."""
        while piece := self.read(size):
            yield piece


@lru_cache(maxsize=1)
def _session() -> Any:
    import botocore.session

    logging.getLogger("botocore").setLevel(logging.INFO)  # at DEBUG it logs whole requests, keys and recipients included
    made = botocore.session.Session()
    made.set_config_variable("config_file", "/dev/null")
    made.set_config_variable("credentials_file", "/dev/null")
    return made


@lru_cache(maxsize=64)
def _client(service: str, region: str, endpoint_url: str | None, key_id: str, secret: str, token: str | None) -> Any:
    from botocore.config import Config

    # Whether an effect is repeated is the engine's decision alone.
    config = Config(retries={"total_max_attempts": 1}, request_checksum_calculation="when_required", response_checksum_validation="when_required", s3={"addressing_style": "path" if endpoint_url else "auto"}, parameter_validation=True)
    with _making:  # a session makes one client at a time
        client = _session().create_client(
            service,
            region_name=region,
            endpoint_url=endpoint_url,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=config,
        )
    client.meta.events.register("before-send", lambda request, **_: _exchange.get()(request))
    return client


async def call(
    http: HttpClient,
    credentials: Mapping[str, Any],
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    *,
    headers: Mapping[str, str],
    timeout: float,
    check: Callable[[Target], None],
    max_bytes: int = MAX_ANSWER_BYTES,
) -> Any:
    """One call, sent once. `credentials`: access_key_id, secret_access_key, session_token, region, endpoint_url. `check` may refuse a target by raising;
    `headers` go along unsigned.

    Raises botocore's ClientError for an answer that is an error, its other errors for parameters that are none, and CallFailed or EgressDenied.
    """
    loop = asyncio.get_running_loop()
    failed: list[BaseException] = []

    async def send(request: Any) -> Any:
        target = parse_url(request.url)
        check(target)
        sent = {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in request.headers.items()}
        body = request.body.read() if hasattr(request.body, "read") else request.body
        body = body.encode() if isinstance(body, str) else body
        for name in [name for name in sent if name.lower() in ("content-length", "host", "expect", "transfer-encoding")]:
            del sent[name]
        return await http.call(
            request.method,
            request.url,
            headers={**sent, **headers},
            body=body,
            timeout=timeout,
            max_bytes=max_bytes,
            secret_headers=("authorization", "x-amz-security-token"),
            redirects=0,
        )

    def exchange(request: Any) -> Any:
        from botocore.awsrequest import AWSResponse, HeadersDict

        try:
            answer = asyncio.run_coroutine_threadsafe(send(request), loop).result()
        except BaseException as error:
            failed.append(error)
            raise
        return AWSResponse(request.url, answer.status, HeadersDict(dict(answer.headers)), _Body(answer.body))

    def go() -> Any:
        _exchange.set(exchange)
        key = (credentials["access_key_id"], credentials["secret_access_key"], credentials.get("session_token"))
        return getattr(_client(service, credentials["region"], endpoint, *key), operation)(**parameters)

    endpoint = parse_url(credentials["endpoint_url"]).text.rstrip("/") if credentials.get("endpoint_url") else None
    try:
        return await asyncio.to_thread(go)
    except Exception as error:
        if failed:
            raise failed[0] from None
        if type(error).__module__ == "botocore.parsers":
            raise CallFailed("invalid_response", f"{service} answered with something that cannot be read") from None
        raise


def host_of(url: str) -> str:
    """The host, for messages."""
    return urlsplit(url).hostname or ""
