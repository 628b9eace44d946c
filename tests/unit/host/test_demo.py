"""The demo kit: an echo, an inbox, and a real mail server in front of it."""

from __future__ import annotations

import io
import json
import smtplib
import socket
from email.message import EmailMessage
from typing import Any

import pytest

from chalicelib.core.errors import MethodNotAllowed, NotFound
from infra.host.web.demo import DemoKit
from infra.host.web.demo_inbox import Inbox, MailDoor


def ask(kit: DemoKit, method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> tuple[int, Any]:
    environ = {"REQUEST_METHOD": method, "QUERY_STRING": query, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    for name, value in headers.items():
        environ["CONTENT_TYPE" if name == "content_type" else f"HTTP_{name.upper()}"] = value
    status, sent, chunks = kit.answer(environ, path)
    text = b"".join(chunks).decode()
    return status, json.loads(text) if dict(sent).get("Content-Type") == "application/json" else text


def test_echo_shows_what_was_sent_but_no_secret() -> None:
    kit = DemoKit()
    status, answer = ask(kit, "PUT", "/demo/echo", b'{"a": 1}', "q=1&q=2&x=", content_type="application/json", authorization="Bearer secret")
    received = answer["received"]
    assert status == 200
    assert (received["method"], received["path"], received["json"]) == ("PUT", "/echo", {"a": 1})
    assert received["query"] == {"q": ["1", "2"], "x": ""}
    assert received["headers"]["authorization"] == "[hidden]"
    assert ask(kit, "GET", "/demo/calls")[1]["items"][0]["body"] == '{"a": 1}'


def test_a_repeated_key_is_answered_as_before() -> None:
    kit = DemoKit()
    first = ask(kit, "POST", "/demo/charge", b"1", idempotency_key="k")
    assert ask(kit, "POST", "/demo/charge", b"2", idempotency_key="k") == first
    assert [call["repeat"] for call in ask(kit, "GET", "/demo/calls")[1]["items"]] == [True, False]
    assert ask(kit, "DELETE", "/demo/calls")[0] == 204
    assert ask(kit, "GET", "/demo/calls")[1]["items"] == []


@pytest.mark.parametrize(
    ("path", "content_type", "body", "status", "kind", "text"),
    [
        ("/demo/sms", "application/json", b'{"to": "+1", "text": "hi"}', 200, "sms", "hi"),
        ("/demo/sms", "application/x-www-form-urlencoded", b"To=%2B1&Body=hi+there", 200, "sms", "hi there"),
        ("/demo/push", "application/json", b'{"message": "ding"}', 200, "push", "ding"),
        ("/demo/slack", "application/json", b'{"text": "hi", "channel": "#ops"}', 200, "chat", "hi"),
        ("/demo/discord", "application/json", b'{"content": "hi"}', 204, "chat", "hi"),
        ("/demo/teams", "application/json", b'{"text": "hi"}', 202, "chat", "hi"),
        ("/demo/chat/matrix", "text/plain", b"hi", 200, "chat", None),
        ("/demo/chat/broken", "application/json", b"{", 200, "chat", None),
    ],
)
def test_messages_are_taken_as_services_take_them(path: str, content_type: str, body: bytes, status: int, kind: str, text: str | None) -> None:
    kit = DemoKit()
    assert ask(kit, "POST", path, body, content_type=content_type)[0] == status
    (kept,) = ask(kit, "GET", "/demo/inbox", query=f"kind={kind}")[1]["items"]
    assert (kept["kind"], kept["text"]) == (kind, text)
    assert ask(kit, "GET", f"/demo/inbox/{kept['id']}")[1] == kept
    assert ask(kit, "GET", "/demo/inbox", query="kind=mail")[1]["items"] == []


def test_the_same_message_again_is_kept_once() -> None:
    kit = DemoKit()
    for _ in range(2):
        ask(kit, "POST", "/demo/sms", b'{"text": "hi"}', content_type="application/json", idempotency_key="k")
    assert len(ask(kit, "GET", "/demo/inbox")[1]["items"]) == 1
    assert ask(kit, "DELETE", "/demo/inbox")[0] == 204
    assert ask(kit, "GET", "/demo/inbox")[1]["items"] == []


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(NotFound):
        ask(DemoKit(), "GET", "/demo/inbox/msg_1")
    with pytest.raises(MethodNotAllowed):
        ask(DemoKit(), "POST", "/demo/inbox", b"x")


def test_mail_by_smtp_ends_in_the_inbox() -> None:
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    door = MailDoor(inbox, port)
    door.start()
    try:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "Ann <ann@example.org>", "bob@example.org", "Grüße"
        mail.set_content("Hello\n")
        mail.add_alternative("<p>Hello</p>", subtype="html")
        mail.add_attachment(b"123", maintype="application", subtype="pdf", filename="a.pdf")
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as session:
            session.send_message(mail, to_addrs=["bob@example.org", "hidden@example.org"])
    finally:
        door.stop()
    (kept,) = inbox.newest("mail")
    assert (kept["from"], kept["to"], kept["subject"]) == ("Ann <ann@example.org>", ["bob@example.org", "hidden@example.org"], "Grüße")
    assert (kept["text"].strip(), kept["html"].strip()) == ("Hello", "<p>Hello</p>")
    assert kept["attachments"] == [{"name": "a.pdf", "type": "application/pdf", "bytes": 3}]
