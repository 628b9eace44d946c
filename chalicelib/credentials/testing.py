"""The test button: tries a credential on what it is for, without changing anything there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from chalicelib.core.egress import guard, parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.core.redaction import Secrets
from chalicelib.credentials.oauth import with_token
from chalicelib.credentials.spec import Outgoing, Tested
from chalicelib.credentials.vault import Opened
from chalicelib.registry.spec import ActionError

TEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a test found, and how long it took."""

    __test__ = False

    status: str
    message: str
    code: str | None
    duration_ms: int


def run_test(opened: Opened, url: str | None) -> TestResult:
    """Test a credential, on `url` (a GET) where one is given. Never raises for what the other side does; its message holds no secret."""
    began = time.monotonic()
    secrets = Secrets()
    secrets.add(opened.secrets())
    found = asyncio.run(_in_time(opened, url))
    return TestResult(found.status, secrets.text(found.message), found.code, round((time.monotonic() - began) * 1000))


async def _in_time(opened: Opened, url: str | None) -> Tested:
    client = HttpClient(guard())
    try:
        async with asyncio.timeout(TEST_SECONDS):
            return await _test(opened, url, client)
    except TimeoutError:
        return Tested("failed", f"no answer within {TEST_SECONDS:g} seconds", "timeout")
    except ActionError as error:
        return Tested("failed", error.message, error.code)
    except MillraceError as error:
        return Tested("failed", error.detail, error.code)
    finally:
        await client.close()


async def _test(opened: Opened, url: str | None, client: HttpClient) -> Tested:
    if url is not None and opened.spec.apply is not None:
        return await _call(opened, url, client)
    if opened.spec.test is not None:
        return await opened.spec.test(opened.data, client)
    if opened.spec.grant is not None:
        await with_token(opened, client, renew=True)
        return Tested("ok", "the server gave an access token")
    return Tested("untested", "give a url that needs this credential, and it is tried there with a GET")


async def _call(opened: Opened, url: str, client: HttpClient) -> Tested:
    target = parse_url(url)
    opened.check_host(target.host, target.port)
    current = await with_token(opened, client) if opened.spec.grant is not None else opened
    request = Outgoing("GET", target.text, {})
    apply: Any = opened.spec.apply
    apply(request, current.data, current.token.access if current.token else None)
    answer = await client.call("GET", request.url, headers=request.headers, timeout=TEST_SECONDS, secret_headers=request.secret_headers)
    where = f"{target.origin} answered {answer.status}"
    if answer.status in (401, 403):
        return Tested("failed", f"{where}: it does not accept this credential")
    if answer.status >= 400:
        return Tested("failed", f"{where}; that says nothing sure of the credential, try another url")
    return Tested("ok", where)
