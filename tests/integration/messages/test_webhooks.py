"""webhook.send in the ledger: a row before it is sent, what became of it after, and nothing delivered twice under one key."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading

import pytest

from tests.support.canary import database_text, found_in
from tests.support.web_api import web_api

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
TOKEN = "token-in-the-address-0123456789"


def test_a_delivered_webhook_has_its_row_and_is_not_sent_again(bench):
    with web_api(lambda _request: (204, "")) as server:
        slug = bench.credential("webhook_secret", {"secret": SECRET})
        node = bench.node("webhook.send", url=f"{server.url}/hooks?t={TOKEN}", payload={"a": 1}, secret={"credential": slug})
        first = node.run().output
        (row,) = node.rows()
        assert first == {"status": 204, "delivery_id": row["id"]}
        assert (row["channel"], row["provider"], row["status"], row["message_id"]) == ("webhook", "standard_webhooks", "delivered", f"{node.execution_id}.n")
        assert row["recipient"] == f"http://127.0.0.1:{server.url.rpartition(':')[2]}/…"
        # The engine's save was lost, so the node runs once more.
        assert node.run().output == {"status": None, "delivery_id": row["id"]}
        assert len(server.sent) == 1
    assert len(node.rows()) == 1


def test_the_row_is_there_before_the_message_goes(bench):
    seen = []

    def answer(_request):
        seen.extend(node.statuses())
        return 200, "ok"

    with web_api(answer) as server:
        node = bench.node("webhook.send", url=server.url, payload=1)
        node.run()
    assert seen == [(1, "standard_webhooks", "accepted", "")]


@pytest.mark.parametrize(
    ("answer", "ledger"),
    [
        ((400, "no"), ("failed", "http_400")),
        ((410, ""), ("failed", "webhook_gone")),
        ((302, "", {"Location": "http://10.0.0.1/"}), ("failed", "webhook_redirected")),
        ((503, ""), ("failed", "http_503")),
        ((504, ""), ("unknown", "http_504")),
        (None, ("unknown", "connection_failed")),
    ],
)
def test_what_is_not_taken(bench, answer, ledger):
    with web_api(lambda _request: answer) as server:
        node = bench.node("webhook.send", url=server.url, payload=1)
        node.fails()
        assert node.statuses() == [(1, "standard_webhooks", *ledger)]
        server.answer = lambda _request: (200, "")
        assert node.run().output["status"] == 200  # the same webhook-id: a receiver that has it already knows
    assert [row[2] for row in node.statuses()] == [ledger[0], "delivered"]
    assert len({sent.headers["webhook-id"] for sent in server.sent}) == 1


def test_one_that_could_not_be_connected_to_is_known_to_have_failed(bench):
    node = bench.node("webhook.send", url="http://127.0.0.1:1/", payload=1)
    node.fails()
    assert node.statuses() == [(1, "standard_webhooks", "failed", "connection_failed")]


def test_one_that_is_cut_off_is_unknown(bench):
    async def cut(node):
        task = asyncio.create_task(node.arun())
        while not server.sent:
            await asyncio.sleep(0.01)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    gone = threading.Event()

    def silent(_request):
        gone.wait(10)

    with web_api(silent) as server:
        node = bench.node("webhook.send", url=server.url, payload=1)
        asyncio.run(cut(node))
        gone.set()
    assert node.statuses() == [(1, "standard_webhooks", "unknown", "cut_off")]


def test_a_secret_in_the_address_is_nowhere(bench, database_url):
    with web_api(lambda request: (400, f"no: {request.path}")) as server:
        bench.node("webhook.send", url=f"{server.url}/hooks?t={TOKEN}", payload=1).fails()
    ledger = dict(database_text(database_url))["deliveries"]
    assert found_in(ledger, TOKEN) == []
