"""One message for every provider, with every field filled in, and stand-ins of all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.support.mail_server import MailServer, mail_server
from tests.support.notifying import Bench, Node
from tests.support.pushing import AppleServer, Browser, apple, browser, ec_key, rsa_key
from tests.support.web_api import Answer, Sent, WebApi, web_api

TO = {"email.send": "jo@example.org", "sms.send": "+15005550006"}
RECIPIENTS = {"jo@example.org", "ann@example.org", "bo@example.org"}

MAIL = {
    "to": TO["email.send"], "cc": "ann@example.org", "bcc": "bo@example.org", "from": "Shop <shop@example.com>", "reply_to": "Help <help@example.com>", "subject": "s", "text": "t",
    "html": "<p>h</p>", "attachments": [{"filename": "a.txt", "content": "x", "content_type": "text/plain", "encoding": "text", "inline_id": "i1"}],
    "headers": {"X-Note": "n"},
}  # fmt: skip
NOTICE = {
    "to": TO["email.send"], "from": "shop@example.com", "subject": "s",
    "template": {
        "brand": "b", "logo_url": "https://ok.example/l.png", "colour": "#112233", "heading": "h", "lines": ["l"], "facts": {"n": "v"},
        "items": [{"title": "t", "text": "x", "url": "https://ok.example"}], "button_label": "b", "button_url": "https://ok.example", "footer": "f"},
}  # fmt: skip
SMS = {"to": TO["sms.send"], "from": "+15005550001", "text": "t"}
GATEWAY = {**SMS, "http": {"url": "{url}/send", "format": "json", "to_field": "to", "text_field": "text", "from_field": "from", "id_pointer": "/id", "fields": {"kind": "k"}}}
PUSH = {"title": "t", "body": "b", "url": "https://ok.example", "image": "https://ok.example/i.png", "data": {"a": "x"}, "sound": "default", "collapse_key": "c", "badge": 1}
SLACK = {
    "channel": "C0PRIVATE1", "text": "t", "mentions": [], "thread_ts": "1.2",
    "blocks": [
        {"type": "section", "text": {"type": "mrkdwn", "text": "m"}, "accessory": {"type": "image", "image_url": "https://ok.example/i.png", "alt_text": "a"}},
        {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "p"}, "url": "https://ok.example", "value": "v"}]},
    ],
}  # fmt: skip
DISCORD = {
    "channel": "170000000000000017", "text": "t", "mentions": [], "thread_id": "1", "username": "u", "avatar_url": "https://ok.example/a.png",
    "embeds": [{"title": "t", "description": "d", "url": "https://ok.example", "author": {"name": "n", "icon_url": "https://ok.example/i.png"}, "fields": [{"name": "n", "value": "v"}]}],
}  # fmt: skip
TEAMS = {"title": "t", "text": "x", "facts": {"n": "v"}, "links": [{"label": "l", "url": "https://ok.example"}]}
CARD = {"card": {"body": [{"type": "TextBlock", "text": "x"}, {"type": "Image", "url": "https://ok.example/i.png"}], "actions": [{"type": "Action.OpenUrl", "title": "t", "url": "https://ok.example"}]}}


def account(api: WebApi) -> dict[str, Any]:
    return {"service_account": json.dumps({"client_email": "a", "private_key": rsa_key(), "project_id": "p", "token_uri": api.url + "/token"}), "api_url": api.url}


def aws(api: WebApi) -> dict[str, Any]:
    return {"access_key_id": "AKIA", "secret_access_key": "the-secret-key", "region": "eu-west-1", "endpoint_url": api.url}


# Case -> (node type, credential type, its data, a config in which every text can be replaced).
CASES: dict[str, tuple[str, str, Callable[[WebApi], dict[str, Any]], dict[str, Any]]] = {
    "smtp": ("email.send", "smtp", lambda _api: {}, MAIL),
    "smtp, a notice": ("email.send", "smtp", lambda _api: {}, NOTICE),
    "ses": ("email.send", "aws", aws, MAIL),
    "twilio": ("sms.send", "twilio", lambda api: {"account_sid": "AC0123456789", "auth_token": "the-token", "api_url": api.url}, SMS),
    "sns": ("sms.send", "aws", aws, SMS),
    "http": ("sms.send", "bearer", lambda _api: {"token": "the-token"}, GATEWAY),
    "http, a form": ("sms.send", "bearer", lambda _api: {"token": "the-token"}, {**GATEWAY, "http": {**GATEWAY["http"], "format": "form"}}),
    "fcm": ("push.send", "fcm", account, {"to": "device-token-of-somebody", **PUSH}),
    "apns": ("push.send", "apns", lambda _api: {}, {"to": "a1b2c3d4e5f6a7b8", **PUSH}),
    "web_push": ("push.send", "web_push", lambda _api: {"private_key": ec_key(), "subject": "mailto:push@example.com"}, {"to": {}, **PUSH}),
    "slack": ("slack.send", "slack_bot", lambda api: {"token": "xoxb-token", "api_url": api.url}, SLACK),
    "slack_webhook": ("slack.send", "slack_webhook", lambda api: {"url": api.url + "/hook"}, SLACK),
    "discord": ("discord.send", "discord_bot", lambda api: {"token": "the-token", "api_url": api.url}, DISCORD),
    "discord_webhook": ("discord.send", "discord_webhook", lambda api: {"url": api.url + "/hook"}, DISCORD),
    "teams": ("teams.send", "teams_webhook", lambda api: {"url": api.url + "/hook"}, TEAMS),
    "teams, a card": ("teams.send", "teams_webhook", lambda api: {"url": api.url + "/hook"}, CARD),
}


@dataclass
class World:
    """The providers, and a browser."""

    mail: MailServer
    pushed: AppleServer
    api: WebApi
    someone: Browser

    def requests(self) -> list[Sent]:
        """What the web APIs were sent, tokens' endpoints aside."""
        return [each for each in self.api.sent if each.path != "/token"]

    def forget(self) -> None:
        """What they were sent."""
        for seen in (self.api.sent, self.mail.mails, self.mail.envelopes, self.pushed.got):
            seen.clear()

    def message(self, bench: Bench, case: str) -> tuple[str, dict[str, Any]]:
        """A case's node type, and its config with a credential of its own."""
        node_type, credential, data, config = CASES[case]
        given = data(self.api)
        if credential == "smtp":
            given = {"host": "127.0.0.1", "port": self.mail.port, "security": "none"}
        if credential == "apns":
            given = {"private_key": ec_key(), "key_id": "K", "team_id": "T", "topic": "com.example", "api_url": self.pushed.url}
        if credential == "web_push":
            config = {**config, "to": self.someone.subscription}
        config = json.loads(json.dumps(config).replace("{url}", self.api.url))
        return node_type, {**config, "credential": bench.credential(credential, given)}

    def node(self, bench: Bench, case: str) -> Node:
        """The case's node."""
        node_type, config = self.message(bench, case)
        return bench.node(node_type, **config)


@contextmanager
def world() -> Iterator[World]:
    """All of them, saying yes."""
    with mail_server() as mail, apple(lambda _request: (200, b"")) as pushed, web_api(answer) as api:
        yield World(mail, pushed, api, browser(api.url + "/subscription-of-somebody"))


def answer(request: Sent) -> Answer:
    """As each of the web APIs says yes."""
    if request.path == "/token":
        return 200, {"access_token": "t", "expires_in": 3600}
    if b"Action=SendRawEmail" in request.body:
        return 200, "<SendRawEmailResponse><SendRawEmailResult><MessageId>m</MessageId></SendRawEmailResult></SendRawEmailResponse>"
    if b"Action=Publish" in request.body:
        return 200, "<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>"
    return 200, {"ok": True, "ts": "1", "id": "1", "sid": "SM1", "name": "n"}
