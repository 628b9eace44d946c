"""digest: many items, one message."""

from __future__ import annotations

import asyncio

import pytest

from chalicelib.registry.spec import Done, Sleep
from tests.support.mail_server import mail_server
from tests.support.workflows import definition, published, started


def test_many_executions_send_one_mail(bench, engine, database):
    with mail_server() as server:
        bench.credential("smtp", {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "shop@example.com"}, "mail")
        body = definition(
            {"id": "gather", "type": "digest", "config": {"key": "{{ input.customer }}", "item": "{{ input.text }}", "window_seconds": 2}},
            {
                "id": "tell",
                "type": "email.send",
                "config": {"credential": "mail", "to": "{{ input.customer }}", "subject": "{{ nodes.gather.output.count }} news", "text": "News: {{ nodes.gather.output.items }}"},
            },
            {"id": "left", "type": "stop", "config": {"output": "collected"}},
            edges=[("gather", "tell"), ("gather", "collected", "left")],
        )
        workflow = published(database, body)
        ids = [started(database, workflow, {"customer": f"{who}@example.org", "text": f"{who}{n}"}) for n in range(4) for who in ("jo", "ann")]
        executions = engine.until_ended(*ids, workers=2)
    assert {execution["status"] for execution in executions} == {"succeeded"}
    assert sorted((str(mail["To"]), str(mail["Subject"])) for mail in server.mails) == [("ann@example.org", "4 news"), ("jo@example.org", "4 news")]
    told = {str(mail["To"]): mail.get_body(("plain",)).get_content() for mail in server.mails}
    assert all(f"jo{n}" in told["jo@example.org"] for n in range(4))
    assert sum(execution["output"] == "collected" for execution in executions) == 6


def node(bench, **config):
    return bench.node("digest", **{"key": "k", "item": {"n": 1}, "window_seconds": 60, **config})


def test_saying_it_again_is_the_same(bench, database):
    first, second = node(bench), node(bench, item=2)
    until = first.run()
    assert isinstance(until, Sleep)
    assert first.run() == until
    assert second.run().port == second.run().port == "collected"
    database.execute("UPDATE digests SET closes_at = now() - interval '1 second'")
    outcome = first.run()
    assert (outcome.port, outcome.output["items"], outcome.output["count"]) == ("main", [{"n": 1}, 2], 2)
    assert first.run() == outcome
    assert isinstance(node(bench).run(), Sleep)  # the next one opens another window


def test_an_item_after_the_end_opens_another_window(bench, database):
    first = node(bench)
    first.run()
    database.execute("UPDATE digests SET closes_at = now() - interval '1 second'")
    late = node(bench, item="late")
    assert isinstance(late.run(), Sleep)
    assert first.run().output["items"] == [{"n": 1}]


def test_a_full_window_takes_no_more(bench):
    assert isinstance(node(bench, max_items=2).run(), Sleep)
    assert isinstance(node(bench, max_items=2).run(), Done)
    assert isinstance(node(bench, max_items=2).run(), Sleep)


def test_keys_and_workflows_are_apart(bench):
    assert isinstance(node(bench).run(), Sleep)
    assert isinstance(node(bench, key="other").run(), Sleep)


def test_at_once_they_open_one_window(bench, database):
    nodes = [node(bench, item=n) for n in range(12)]

    async def together():
        return await asyncio.gather(*(each.arun() for each in nodes))

    outcomes = asyncio.run(together())
    assert sum(isinstance(outcome, Sleep) for outcome in outcomes) == 1
    assert database.one("SELECT count(*) AS n FROM digest_items")["n"] == 12


def test_what_is_too_large(bench):
    assert node(bench, item="x" * 70_000).fails().code == "item_too_large"


@pytest.mark.parametrize("config", [{"window_seconds": 0}, {"window_seconds": 1e9}, {"max_items": 0}])
def test_what_is_no_window(bench, config):
    from pydantic import ValidationError

    with pytest.raises(ValidationError):
        node(bench, **config).run()
