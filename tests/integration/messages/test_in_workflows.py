"""Notifying nodes within a running engine: expressions in HTML, quiet hours, retries and executions run again."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from chalicelib.core.clock import utc_now
from tests.support.mail_server import mail_server
from tests.support.web_api import web_api
from tests.support.workflows import definition, published, started


@pytest.fixture
def server(bench):
    with mail_server() as found:
        bench.credential("smtp", {"host": "127.0.0.1", "port": found.port, "security": "none", "sender": "shop@example.com"}, "mail")
        yield found


def node(**config):
    return {"id": "tell", "type": "email.send", "config": {"credential": "mail", "to": "jo@example.org", **config}}


def test_values_go_into_html_escaped_and_into_text_as_they_are(engine, database, server):
    page = "<p>Hello {{ input.name }}</p><a href='{{ input.url }}'>{{ 1 + 1 }}</a>"
    body = definition(node(subject="For {{ input.name }}", text="Hello {{ input.name }}", html=page))
    data = {"name": "<b onclick=x>Jo</b>\r\nBcc: evil@example.net", "url": "javascript:alert('x')"}
    (execution,) = engine.until_ended(started(database, published(database, body), data))
    assert execution["status"] == "succeeded", execution["error"]
    (mail,) = server.mails
    got = mail.get_body(("html",)).get_content()
    assert "<b" not in got
    assert "&lt;b onclick=x&gt;Jo&lt;/b&gt;" in got
    assert "javascript" not in got
    assert ">2</a>" in got
    assert "<b onclick=x>Jo</b>" in mail.get_body(("plain",)).get_content()
    assert (mail["Subject"], mail["Bcc"]) == ("For <b onclick=x>Jo</b> Bcc: evil@example.net", None)


def test_a_whole_field_that_is_one_expression_is_escaped_too(engine, database, server):
    body = definition(node(html="{{ input.page }}"))
    engine.until_ended(started(database, published(database, body), {"page": "<script>x</script>"}))
    assert "<script" not in server.mails[0].get_body(("html",)).get_content()


def test_quiet_hours_hold_a_mail_back_and_a_wake_does_not_send_it_earlier(engine, database, server):
    local = utc_now().astimezone(ZoneInfo("Pacific/Auckland"))
    quiet = {
        "start": (local - timedelta(hours=1)).strftime("%H:%M"),
        "end": (local + timedelta(hours=1)).strftime("%H:%M"),
        "timezone": "Pacific/Auckland",
    }
    execution_id = started(database, published(database, definition(node(text="x", quiet_hours=quiet))))
    engine.drain(70)
    assert server.mails == []
    assert engine.history(execution_id) == [("tell", 1, "waiting")]
    until = database.one("SELECT wake_at FROM node_runs WHERE execution_id = %(id)s", id=execution_id)["wake_at"]
    assert timedelta(minutes=50) < until - utc_now() < timedelta(minutes=61)
    assert database.execute("SELECT 1 FROM deliveries") == []
    other = {**quiet, "timezone": "America/New_York"}  # where it is another time of day
    engine.until_ended(started(database, published(database, definition(node(text="x", quiet_hours=other)))))
    assert len(server.mails) == 1


def test_after_quiet_hours_the_node_goes_on(engine, database, server, monkeypatch):
    from chalicelib.actions.messages import sending

    ends = utc_now() + timedelta(seconds=1)
    monkeypatch.setattr(sending, "quiet_until", lambda now, quiet: ends if now < ends else None)
    execution_id = started(database, published(database, definition(node(text="x", quiet_hours={}))))
    (execution,) = engine.until_ended(execution_id)
    assert execution["status"] == "succeeded"
    assert len(server.mails) == 1


def test_a_retry_of_the_node_and_of_the_execution_send_once(engine, database, server):
    refused = iter(["451 later", "250 OK", "250 OK"])
    server.on_rcpt = lambda _address: next(refused)
    body = definition(node(text="x") | {"retry": {"initial_seconds": 0.05}}, {"id": "end", "type": "fail", "config": {"message": "no"}}, edges=[("tell", "end")])
    workflow = published(database, body)
    first = started(database, workflow)
    engine.until_ended(first)
    assert engine.history(first)[:2] == [("tell", 1, "failed"), ("tell", 2, "succeeded")]
    assert len(server.mails) == 1
    rows = database.execute("SELECT attempt, status FROM deliveries ORDER BY attempt")
    assert [(row["attempt"], row["status"]) for row in rows] == [(1, "failed"), (2, "accepted")]


def test_a_killed_worker_sends_again_and_says_so(engine, database, bench):
    calls = []

    def answer(request):
        calls.append(request)
        return 200, {"sid": f"SM{len(calls)}"}

    with web_api(answer) as api:
        slug = bench.credential("twilio", {"account_sid": "AC0123456789", "auth_token": "t0ken", "sender": "+15005550001", "api_url": api.url})
        body = definition({"id": "tell", "type": "sms.send", "config": {"credential": slug, "to": "+15005550006", "text": "x"}})
        execution_id = started(database, published(database, body))
        # What a worker leaves that was killed after it wrote the ledger and before anything else: a row that was never handed over, and a claim.
        database.execute(
            """INSERT INTO deliveries (id, workspace_id, workflow_id, execution_id, node_id, iteration, attempt, idempotency_key, channel, recipient,
               recipient_digest, provider, credential_id) SELECT 'dlv_lost', workspace_id, workflow_id, id, 'tell', '', 1, id || '.tell', 'sms', 'x', %(digest)s, 'twilio', (SELECT c.id FROM credentials c)
               FROM executions WHERE id = %(id)s""",
            {"id": execution_id, "digest": _digest("+15005550006")},
        )
        database.execute("UPDATE wakes SET worker = 'wrk_gone', lease_epoch = 1 WHERE execution_id = %(id)s", {"id": execution_id})
        (execution,) = engine.until_ended(execution_id)
    assert execution["status"] == "succeeded", execution["error"]
    rows = database.execute("SELECT attempt, status, reason FROM deliveries ORDER BY attempt, id")
    assert [(row["attempt"], row["status"], row["reason"]) for row in rows] == [(1, "unknown", "worker_lost"), (2, "accepted", "")]
    assert len(calls) == 1


def _digest(number: str) -> str:
    from chalicelib.core.config import DEFAULT_WORKSPACE
    from chalicelib.deliveries.service import digest

    return digest(DEFAULT_WORKSPACE, "sms", number)
