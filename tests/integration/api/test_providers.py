"""/health/providers and the circuit breaker, over real calls."""

from __future__ import annotations

import asyncio
import socket
import time

import psycopg
import pytest

from chalicelib.credentials.circuits import FAILURES_TO_OPEN
from chalicelib.credentials.health import Health, health
from chalicelib.registry.catalogue import catalogue
from tests.support.http_server import answer, serving
from tests.support.runs import run_node
from tests.support.senders import SENDERS, outcome

pytestmark = pytest.mark.usefixtures("worker")
TOKEN = "provider-token-canary-1"


def provider(api, host: str, name: str | None) -> dict:
    health().flush()
    found = [each for each in api.get("/health/providers").json["items"] if each["host"] == host and (each["credential"] or {}).get("slug") == name]
    assert len(found) == 1, found
    return found[0]


def connected(api) -> str:
    return api.post("/credentials", {"name": "Pay", "type": "bearer", "data": {"token": TOKEN}}).json["slug"]


def test_calls_are_counted_by_credential_and_host(api):
    with serving(lambda request: answer(b"ok")) as server:
        host, slug = f"127.0.0.1:{server.port}", connected(api)
        run_node(api, "http.request", {"url": server.url(), "auth": {"credential": slug}})
        run_node(api, "http.request", {"url": server.url()})
        run_node(api, "http.request", {"url": server.url()})
        with_it, without = provider(api, host, slug), provider(api, host, None)
        assert (with_it["calls"], with_it["errors"], with_it["state"], with_it["last_error"]) == (1, 0, "closed", None)
        assert with_it["last_success_at"] is not None
        assert (without["calls"], without["credential"]) == (2, None)
        provider(api, host, slug)
        assert provider(api, host, None)["calls"] == 2  # a flush without news adds nothing


def test_many_failures_in_a_row_hold_back_calls_with_that_credential_and_no_others(api, database_url):
    healthy = False

    def reply(request):
        return answer(b"", "200 OK" if healthy else "503 Unavailable")

    with serving(reply) as server:
        host, slug = f"127.0.0.1:{server.port}", connected(api)
        config = {"url": server.url(), "auth": {"credential": slug}}
        for _ in range(FAILURES_TO_OPEN):
            assert run_node(api, "http.request", config)["error"]["code"] == "http_status"
        held = run_node(api, "http.request", config)
        assert (held["error"]["code"], held["error"]["class"]) == ("circuit_open", "connection")
        assert len(server.requests) == FAILURES_TO_OPEN
        shown = provider(api, host, slug)
        assert (shown["state"], shown["errors"]) == ("open", FAILURES_TO_OPEN)
        assert shown["opened_until"] is not None
        assert TOKEN not in str(shown)
        assert run_node(api, "http.request", {"url": server.url()})["error"]["code"] == "http_status"

        other_process = Health()
        key = next(key for key in health().tallies if key[1])
        other_process.check(key)
        other_process.flush()
        with pytest.raises(Exception, match="held back"):
            other_process.check(key)

        healthy = True
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE provider_health SET opened_until = now() - interval '1 second' WHERE opened_until IS NOT NULL")
        health().tallies[key].circuit.opened_until = time.monotonic() - 1
        assert run_node(api, "http.request", config)["status"] == "succeeded"
        assert provider(api, host, slug)["state"] == "closed"


def test_what_is_the_callers_fault_opens_nothing(api):
    with serving(lambda request: answer(b"", "404 Not Found")) as server:
        slug = connected(api)
        for _ in range(FAILURES_TO_OPEN + 1):
            assert run_node(api, "http.request", {"url": server.url(), "auth": {"credential": slug}})["error"]["code"] == "http_status"
        assert provider(api, f"127.0.0.1:{server.port}", slug)["errors"] == 0


# Those with a server of the test between are counted as that server.
BETWEEN = ("http.request, behind a proxy", "http.request, its proxy", "http.request, a redirect")


@pytest.mark.parametrize("name", [name for name in SENDERS if name.split(",")[0] in catalogue().types() and name not in BETWEEN])
def test_every_sender_is_watched(name):
    """None of them calls but within the circuit breaker: a port where nobody listens is counted, whoever calls it."""
    health().flushed_at = time.monotonic()  # the counts stay here for a while
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        asyncio.run(outcome(SENDERS[name], "127.0.0.1", port))
    tallies = [tally for key, tally in health().tallies.items() if key[2] == f"127.0.0.1:{port}"]
    assert [(tally.calls, tally.errors) for tally in tallies] == [(1, 1)]


def test_no_key_no_answer(api):
    assert api.as_key(None).get("/health/providers").status == 401
