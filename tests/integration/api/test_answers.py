"""Answers to waiting nodes: once, early or in time, checked, and never from a forged link."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urljoin, urlparse

import pytest

from chalicelib.engine.links import token_of
from tests.support.api import ApiClient
from tests.support.workflows import Database, definition, published, started

FORM = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}}}


def waiting(database: Database, *, kind: str = "wait.callback", before: float = 0.0, **config: Any) -> str:
    """An execution that says its link, pauses, waits for an answer, and tells by which port it went on."""
    ports = {"wait.callback": "main", "approval": "approved"}
    body = definition(
        {"id": "link", "type": "transform", "config": {"assign": {"url": "nodes.ask.callback_url"}}},
        {"id": "pause", "type": "delay", "config": {"seconds": before}},
        {"id": "ask", "type": kind, "config": config},
        {"id": "answered", "type": "transform", "config": {"assign": {"got": "nodes.ask.output"}}},
        {"id": "late", "type": "transform"},
        {"id": "refused", "type": "transform"},
        edges=[
            ("link", "pause"),
            ("pause", "ask"),
            ("ask", ports[kind], "answered"),
            ("ask", "timeout", "late"),
            *([("ask", "rejected", "refused")] if kind == "approval" else []),
        ],
    )
    return started(database, published(database, body))


def state(api: ApiClient, execution_id: str, *statuses: str) -> dict[str, Any]:
    """The execution, once it has one of these statuses."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        execution = api.request("GET", f"/executions/{execution_id}").json
        if execution["status"] in statuses:
            return execution
        time.sleep(0.02)
    raise AssertionError(execution)


def link(api: ApiClient, execution_id: str) -> str:
    """The path of the link that the execution itself made known, without /api."""
    nodes = state(api, execution_id, "waiting")["nodes"]
    url = next(node["output"]["url"] for node in nodes if node["node_id"] == "link")
    return urlparse(url).path.removeprefix("/api")


def ended_by(execution: dict[str, Any]) -> dict[str, str]:
    """Status by node."""
    return {node["node_id"]: node["status"] for node in execution["nodes"]}


def test_a_callback_goes_on_once_with_the_body(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database, form=FORM)
    path = link(api, execution_id)
    wrong = api.as_key(None).request("POST", path, json_body={"ok": "yes"})
    assert (wrong.status, wrong.code, wrong.json["errors"][0]["path"]) == (422, "validation_failed", "/ok")
    answer = api.as_key(None).request("POST", path, json_body={"ok": True, "n": 2**53 + 1})
    assert (answer.status, answer.json) == (200, {"execution_id": execution_id})
    again = api.as_key(None).request("POST", path, json_body={"ok": False})
    assert (again.status, again.code) == (409, "already_answered")
    execution = state(api, execution_id, "succeeded")
    assert execution["output"]["answered"] == {"got": {"ok": True, "n": 2**53 + 1}}
    assert ended_by(execution)["late"] == "skipped"
    assert api.request("POST", path, json_body={"ok": True}).status == 409


def test_an_answer_that_comes_before_the_node_waits_is_kept(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database, before=0.6)
    path = link(api, execution_id)
    assert ended_by(state(api, execution_id, "waiting")).get("ask") is None
    assert api.request("POST", path, json_body={"early": True}).status == 200
    assert api.request("POST", path, json_body={"second": True}).status == 409
    assert state(api, execution_id, "succeeded")["output"]["answered"] == {"got": {"early": True}}


def test_an_answer_to_an_execution_nobody_has_begun(api: ApiClient, database: Database) -> None:
    execution_id = waiting(database)
    assert api.request("POST", f"/callbacks/{token_of(execution_id, 'ask')}").status == 200
    assert api.request("POST", f"/callbacks/{token_of(execution_id, 'ask')}").status == 409


def test_of_many_answers_at_once_one_is_taken(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database)
    path = link(api, execution_id)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: (n, api.request("POST", path, json_body={"n": n}).status), range(16)))
    (winner,) = (n for n, status in statuses if status == 200)
    assert {status for _, status in statuses} == {200, 409}
    assert state(api, execution_id, "succeeded")["output"]["answered"] == {"got": {"n": winner}}


def test_nobody_answers_in_time(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database, timeout_seconds=0.3)
    path = link(api, execution_id)
    execution = state(api, execution_id, "succeeded")
    assert (ended_by(execution)["late"], ended_by(execution)["answered"]) == ("succeeded", "skipped")
    assert api.request("POST", path, json_body={}).status == 409


@pytest.mark.parametrize("decision", ["approved", "rejected"])
def test_a_decision_is_port_and_output(api: ApiClient, database: Database, worker: None, decision: str) -> None:
    execution_id = waiting(database, kind="approval", message="Pay?")
    path = link(api, execution_id)
    assert path.startswith("/approvals/")
    assert api.request("POST", path, json_body={"decision": "perhaps"}).status == 422
    assert api.as_key(None).request("POST", path, json_body={"decision": decision, "by": "ada"}).status == 200
    nodes = ended_by(state(api, execution_id, "succeeded"))
    assert (nodes["answered"], nodes["refused"]) == (("succeeded", "skipped") if decision == "approved" else ("skipped", "succeeded"))


def test_a_person_decides_on_the_links_page(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database, kind="approval", message="Pay <b>{{ 40 + 2 }}</b>?", approvers=["finance"])
    path = link(api, execution_id)
    browser = api.as_key(None)
    for _ in range(2):  # opening it decides nothing
        page = browser.request("GET", path)
        text = page.body.decode()
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "Pay &lt;b&gt;42&lt;/b&gt;?" in text
        assert "finance" in text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    style = re.search("<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    assert base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode() in policy
    target = re.search('action="([^"]+)"', text)
    assert target is not None
    form = urljoin(f"http://host/api{path}", target[1]).removeprefix("http://host/api")
    sent = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.request("POST", form, raw=b"decision=perhaps&by=&comment=", headers=sent).status == 422
    taken = browser.request("POST", form, raw="decision=approved&by=Zoë <i>&comment=".encode(), headers=sent)
    assert (taken.status, "have <strong>approved</strong>" in taken.body.decode()) == (200, True)
    assert browser.request("POST", form, raw=b"decision=rejected", headers=sent).status == 409
    execution = state(api, execution_id, "succeeded")
    assert execution["output"]["answered"] == {"got": {"decision": "approved", "by": "Zoë <i>", "comment": None}}
    assert "<strong>approved</strong> by Zoë &lt;i&gt;" in browser.request("GET", path).body.decode()
    assert "<form" not in browser.request("GET", path).body.decode()
    assert browser.request("GET", path[:-1]).status == 404


def test_the_page_of_a_link_whose_time_was_up(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database, kind="approval", timeout_seconds=0.3)
    path = link(api, execution_id)
    state(api, execution_id, "succeeded")
    page = api.as_key(None).request("GET", path).body.decode()
    assert ("nothing to decide" in page, "<form" in page) == (True, False)


@pytest.mark.parametrize("forge", ["other node", "other mac", "other execution", "cut", "kind", "nonsense"])
def test_a_link_that_was_not_made_here_leads_nowhere(api: ApiClient, database: Database, forge: str) -> None:
    execution_id, other = waiting(database), waiting(database)
    token = str(token_of(execution_id, "ask"))
    named, node_id, mac = token.split(".")
    forged = {
        "other node": f"{named}.link.{mac}",
        "other mac": f"{named}.{node_id}.{'A' * len(mac)}",
        "other execution": f"{other}.{node_id}.{mac}",
        "cut": token[:-1],
        "kind": token,
        "nonsense": "...",
    }[forge]
    path = "/approvals/" if forge == "kind" else "/callbacks/"
    assert api.request("POST", path + forged, json_body={"decision": "approved"}).status == 404


def test_waking_does_not_end_a_wait_for_an_answer(api: ApiClient, database: Database, worker: None) -> None:
    execution_id = waiting(database)
    link(api, execution_id)
    state(api, execution_id, "waiting")
    assert api.request("POST", f"/executions/{execution_id}/nodes/ask/wake").status == 409
    assert api.request("POST", f"/executions/{execution_id}/cancel").status == 202
    assert ended_by(state(api, execution_id, "cancelled"))["ask"] == "cancelled"
