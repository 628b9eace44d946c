"""email.send against a real SMTP server, and against a local stand-in of SES's API."""

from __future__ import annotations

import base64
import email
import email.policy
import logging

import pytest

from tests.support.mail_server import CERTIFICATE, MailServer, mail_server
from tests.support.notifying import Bench
from tests.support.web_api import web_api

PASSWORD = "hunter2-the-password"


@pytest.fixture
def server():
    with mail_server() as found:
        yield found


def smtp(bench: Bench, server: MailServer, name: str = "mail", **data) -> str:
    return bench.credential("smtp", {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "Shop <shop@example.com>", **data}, name)


def mail(bench: Bench, server: MailServer, **config):
    return bench.node("email.send", **{"credential": smtp(bench, server), "to": "jo@example.org", "subject": "Hello", "text": "Hi Jo", **config})


def test_a_mail_with_text_html_and_a_file_arrives_whole(bench, server):
    node = mail(
        bench,
        server,
        to=["Jo <jo@example.org>", "ann@example.org"],
        cc="carl@example.org",
        bcc=["boss@example.org"],
        reply_to="help@example.com",
        html="<p>Hi <b>Jö</b> <img src='cid:logo'></p>",
        attachments=[
            {"filename": "bill.pdf", "content": base64.b64encode(b"%PDF-1").decode(), "encoding": "base64", "content_type": "application/pdf"},
            {"filename": "note.txt", "content": "grüße"},
            {"filename": "logo.png", "content": base64.b64encode(b"png").decode(), "encoding": "base64", "content_type": "image/png", "inline_id": "logo"},
        ],
        headers={"X-Order": "17", "List-Unsubscribe": "<https://example.com/u>"},
    )
    output = node.run().output
    assert (output["provider"], output["status"]) == ("smtp", "accepted")
    (got,) = server.mails
    assert got["Message-ID"] == output["message_id"]
    assert server.envelopes == [("shop@example.com", ["jo@example.org", "ann@example.org", "carl@example.org", "boss@example.org"])]
    assert (str(got["From"]), str(got["To"]), str(got["Cc"])) == ("Shop <shop@example.com>", "Jo <jo@example.org>, ann@example.org", "carl@example.org")
    assert got["Bcc"] is None
    assert (got["Reply-To"], got["X-Order"], got["List-Unsubscribe"]) == ("help@example.com", "17", "<https://example.com/u>")
    assert got["Idempotency-Key"] == f"{node.execution_id}.n"
    assert got.get_body(("plain",)).get_content().strip() == "Hi Jo"
    assert "<b>Jö</b>" in got.get_body(("html",)).get_content()
    files = {part.get_filename(): part.get_content() for part in got.iter_attachments()}
    assert files["bill.pdf"] == b"%PDF-1"
    assert files["note.txt"].strip() == "grüße"
    assert [part["Content-ID"] for part in got.walk() if part["Content-ID"]] == ["<logo>"]
    assert node.statuses() == [(1, "smtp", "accepted", "")] * 4
    assert all(row["handed_at"] for row in node.rows())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_tls_is_verified_and_a_password_is_sent_only_within_it(bench, monkeypatch, security):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "127.0.0.1,localhost")
    _settings_again()
    with mail_server(security, PASSWORD if security == "starttls" else None) as server:
        sign_in = {"username": "robot", "password": PASSWORD} if security == "starttls" else {}
        node = mail(bench, server, credential=smtp(bench, server, host="localhost", security=security, **sign_in))
        assert node.run().output["status"] == "accepted"
        assert len(server.mails) == 1
        if security == "starttls":
            wrong = mail(bench, server, credential=smtp(bench, server, "wrong", host="localhost", security=security, username="robot", password="not-it"))
            error = wrong.fails()
            assert (error.code, error.error_class) == ("smtp_error", None)
            assert wrong.statuses() == [(1, "smtp", "failed", "smtp_error")]
    monkeypatch.delenv("SSL_CERT_FILE")
    with mail_server(security) as server:
        untrusted = mail(bench, server, credential=smtp(bench, server, "untrusted", host="localhost", security=security))
        assert untrusted.fails().code == "tls_error"
        assert server.mails == []


def _settings_again():
    from chalicelib.core import config, egress

    config.settings.cache_clear()
    egress.guard.cache_clear()


def test_nothing_breaks_out_of_a_header(bench, server):
    evil = "Hello\r\nBcc: evil@example.net\r\n\r\n<script>alert(1)</script>"
    mail(bench, server, subject=evil, headers={"X-Note": evil}, attachments=[{"filename": 'a"\r\nX-Evil: 1.txt', "content": "x"}]).run()
    (got,) = server.mails
    assert got["Bcc"] is None
    assert got["X-Evil"] is None
    assert got["Subject"] == "Hello Bcc: evil@example.net <script>alert(1)</script>"
    assert server.envelopes[0][1] == ["jo@example.org"]
    for field, value in (
        ("to", "jo@example.org\r\nBcc: evil@example.net"),
        ("to", "jo@example.org, evil@example.net"),
        ("to", "Jo\r\nBcc: evil@example.net <jo@example.org>"),
        ("from", "shop@example.com\nBcc: evil@example.net"),
        ("reply_to", "a@b.c\r\nX: y"),
        ("cc", "@"),
        ("headers", {"Bcc": "evil@example.net"}),
        ("headers", {"X-A\r\nBcc": "evil@example.net"}),
    ):
        error = mail(bench, server, **{field: value}).fails()
        assert error.code == "invalid_config"
        assert "evil" not in error.message or field == "headers"
    assert len(server.mails) == 1


def test_html_loses_what_could_act(bench, server):
    mail(
        bench,
        server,
        text="",
        html="<p onclick='x()'>Hi</p><script>steal()</script><a href='javascript:alert(1)'>a</a><a href=' java\tscript:alert(1)'>b</a>"
        "<a href='https://ok.example'>ok</a><img src=x onerror=alert(1)><iframe src='https://x'></iframe><style>p{color:red}</style>",
    ).run()
    page = server.mails[0].get_body(("html",)).get_content()
    for gone in ("script", "onclick", "onerror", "iframe", "steal"):
        assert gone not in page
    assert '<a href="https://ok.example">ok</a>' in page
    assert "p{color:red}" in page
    assert server.mails[0].get_body(("plain",)).get_content().split() == ["Hi", "abok", "(https://ok.example)"]


def test_a_template_escapes_every_field(bench, server):
    mail(
        bench,
        server,
        text="",
        template={
            "heading": "<b>Order</b>",
            "lines": ["<script>x</script>", "second"],
            "brand": "<u>Shop</u>",
            "facts": {"<em>Total</em>": "12 <s>€</s>"},
            "items": [{"title": "Pen", "text": "2 × 6 €", "url": "https://shop.example/pen"}, {"title": "Bad", "url": "javascript:alert(1)"}],
            "button_label": "<i>Go</i>",
            "button_url": "https://shop.example/?a=1&b=\"><script>",
            "footer": "&copy;",
        },
    ).run()
    page = server.mails[0].get_body(("html",)).get_content()
    assert "&lt;b&gt;Order&lt;/b&gt;" in page
    assert "<script" not in page
    for raw in ("<i>", "<u>", "<em>", "<s>", "javascript"):
        assert raw not in page
    assert '<a href="https://shop.example/pen" style="color:#1f5fbf">Pen</a>' in page
    assert "&lt;em&gt;Total&lt;/em&gt;" in page
    assert "2 × 6 €" in server.mails[0].get_body(("plain",)).get_content()
    assert "&amp;copy;" in page
    assert "second" in server.mails[0].get_body(("plain",)).get_content()


def test_refused_recipients_are_told_apart(bench, server):
    server.on_rcpt = lambda address: "550 no such user ann@example.org" if address.startswith("ann") else "250 OK"
    node = mail(bench, server, to=["jo@example.org", "ann@example.org"])
    output = node.run().output
    assert output["status"] == "accepted"
    assert [(line["status"], line.get("reason")) for line in output["recipients"]] == [("accepted", None), ("failed", "unknown_recipient")]
    assert "ann@" not in output["recipients"][1]["error"]
    assert sorted(node.statuses()) == [(1, "smtp", "accepted", ""), (1, "smtp", "failed", "unknown_recipient")]
    server.on_rcpt = lambda _address: "550 no"
    error = mail(bench, server).fails()
    assert (error.code, error.error_class) == ("message_refused", None)


def test_a_second_attempt_sends_only_to_those_that_are_missing(bench, server):
    server.on_rcpt = lambda address: "451 greylisted" if address.startswith("ann") else "250 OK"
    node = mail(bench, server, to=["jo@example.org", "ann@example.org"])
    error = node.fails()
    assert (error.code, error.error_class) == ("message_refused", "connection")
    server.on_rcpt = None
    output = node.run().output
    assert [line["status"] for line in output["recipients"]] == ["accepted", "accepted"]
    assert [recipients for _, recipients in server.envelopes] == [["jo@example.org"], ["ann@example.org"]]
    assert server.mails[0]["Message-ID"] == server.mails[1]["Message-ID"]


def test_a_mail_whose_acknowledgement_was_lost_is_unknown_and_goes_through_no_other_server(bench, server):
    server.on_data = lambda: None
    with mail_server() as second:
        node = mail(bench, server, fallback=smtp(bench, second, "second"))
        error = node.fails()
        assert (error.code, error.error_class) == ("connection_failed", "connection")
        assert node.statuses() == [(1, "smtp", "unknown", "connection_lost")]
        assert second.mails == []
        server.on_data = lambda: "554 not now"
        assert node.fails().code == "message_refused"  # the first server may be asked again, the second never
        assert second.mails == []
        server.on_data = None
        assert node.run().output["status"] == "accepted"
        assert len(server.mails) == 2
        assert {got["Message-ID"] for got in server.mails} == {server.mails[0]["Message-ID"]}


@pytest.mark.parametrize("problem", ["down", "mail", "rcpt", "data"])
def test_the_fallback_takes_over_when_the_first_has_certainly_not_sent(bench, server, problem):
    if problem == "mail":
        server.on_mail = lambda _sender: "421 closing"
    elif problem == "rcpt":
        server.on_rcpt = lambda _address: "452 full"
    elif problem == "data":
        server.on_data = lambda: "554 rejected"
    port = 1 if problem == "down" else server.port
    with mail_server() as second:
        first = bench.credential("smtp", {"host": "127.0.0.1", "port": port, "security": "none", "sender": "a@b.example"}, "first")
        node = mail(bench, server, credential=first, fallback=[smtp(bench, second, "second")])
        assert node.run().output["status"] == "accepted"
        assert (len(server.mails), len(second.mails)) == (0, 1)
        (row,) = node.rows()
        assert row["status"] == "accepted"
        assert row["tried"][0]["provider"] == "smtp"
        assert node.run().output["message_id"] == row["message_id"]  # another attempt sends nothing
        assert len(second.mails) == 1


def test_a_worker_that_vanished_leaves_unknown_behind(bench, server, database):
    node = mail(bench, server)
    node.run()
    database.execute("ALTER TABLE deliveries DISABLE TRIGGER deliveries_move")
    database.execute("UPDATE deliveries SET handed_at = NULL, message_id = NULL")
    database.execute("ALTER TABLE deliveries ENABLE TRIGGER deliveries_move")
    node.run()
    assert node.statuses() == [(1, "smtp", "unknown", "worker_lost"), (2, "smtp", "accepted", "")]
    assert len(server.mails) == 2


def test_a_private_server_needs_the_operators_word_and_a_credential_stays_with_its_host(bench, server, monkeypatch):
    other = bench.credential("smtp", {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "a@b.example"}, "bound", hosts=["mail.example.com"])
    assert mail(bench, server, credential=other).fails().code == "credential_host_denied"
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "")
    _settings_again()
    error = mail(bench, server).fails()
    assert error.code == "egress_denied"
    assert "MILLRACE_EGRESS_ALLOW" in error.message
    assert server.dialogues == 0
    _settings_again()


def test_no_log_line_holds_an_address(bench, server, caplog):
    server.on_rcpt = lambda _address: "550 5.1.1 <jo@example.org> unknown"
    with caplog.at_level(logging.INFO):
        mail(bench, server).fails()
    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # the test's own mail server
    assert "jo@example.org" not in "".join(ours)


# -- SES -----------------------------------------------------------------------------------------------------------------------------


def accepted(message_id: str) -> str:
    return f"<SendRawEmailResponse><SendRawEmailResult><MessageId>{message_id}</MessageId></SendRawEmailResult></SendRawEmailResponse>"


def aws(bench: Bench, api, name: str = "aws") -> str:
    data = {"access_key_id": "AKIATEST", "secret_access_key": "secret-of-the-test", "region": "eu-central-1", "endpoint_url": api.url}
    return bench.credential("aws", data, name)


def test_ses_gets_the_same_mail_signed(bench):
    with web_api(lambda _request: (200, accepted("0100-ses"))) as api:
        node = bench.node("email.send", credential=aws(bench, api), **{"from": "shop@example.com"}, to=["jo@example.org"], bcc="b@example.org", subject="Hi", text="x")
        output = node.run().output
    assert (output["provider"], output["message_id"], output["status"]) == ("ses", "0100-ses", "accepted")
    (sent,) = api.sent
    assert sent.form["Action"] == "SendRawEmail"
    assert sent.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIATEST/")
    assert "eu-central-1/ses/aws4_request" in sent.headers["authorization"]
    assert sent.headers["idempotency-key"] == f"{node.execution_id}.n"
    assert (sent.form["Destinations.member.1"], sent.form["Destinations.member.2"]) == ("jo@example.org", "b@example.org")
    raw = email.message_from_bytes(base64.b64decode(sent.form["RawMessage.Data"]), policy=email.policy.default)
    assert (raw["To"], raw["Bcc"], raw["Subject"]) == ("jo@example.org", None, "Hi")


@pytest.mark.parametrize(
    ("status", "kind", "code", "error_class", "ledger"),
    [
        (400, "MessageRejected", "provider_error", None, "failed"),
        (429, "TooManyRequestsException", "rate_limited", "rate_limited", "failed"),
        (403, "AccessDeniedException", "provider_error", None, "failed"),
        (500, "InternalFailure", "provider_error", "http.500", "failed"),
        (504, "GatewayTimeout", "provider_error", "http.504", "unknown"),
        (None, "", "connection_failed", "connection", "unknown"),
    ],
)
def test_what_ses_says_no_to(bench, status, kind, code, error_class, ledger):
    def answer(_request):
        said = f"<ErrorResponse><Error><Code>{kind}</Code><Message>jo@example.org is not verified</Message></Error></ErrorResponse>"
        return None if status is None else (status, said, {"Content-Type": "text/xml"})

    with web_api(answer) as api:
        node = bench.node("email.send", credential=aws(bench, api), **{"from": "a@b.example"}, to="jo@example.org", text="x")
        error = node.fails()
    assert (error.code, error.error_class) == (code, error_class)
    assert "jo@" not in error.message
    assert len(api.sent) == 1  # boto3 does not repeat on its own
    assert [row["status"] for row in node.rows()] == [ledger]


def test_smtp_falls_back_to_ses(bench):
    with web_api(lambda _request: (200, accepted("ses-1"))) as api:
        down = bench.credential("smtp", {"host": "127.0.0.1", "port": 1, "security": "none"}, "down")
        node = bench.node("email.send", credential=down, fallback=aws(bench, api), **{"from": "a@b.example"}, to="jo@example.org", text="x")
        assert node.run().output["provider"] == "ses"
    assert node.statuses() == [(1, "ses", "accepted", "")]
