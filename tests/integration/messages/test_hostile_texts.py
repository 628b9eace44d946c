"""Hostile text in every field of every provider: what reaches the provider is harmless, or nothing does."""

from __future__ import annotations

import email
import email.policy
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from chalicelib.actions import discord_send, email_send, push_send, slack_send, sms_send, teams_send
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.spec import ActionError
from tests.support.message_cases import CASES, RECIPIENTS, TO, World, world
from tests.support.notifying import Bench, Node
from tests.support.web_api import Sent

EVIL_ADDRESS = "evil@example.net"
HOSTILE = {
    "a header": f"Hi\r\nBcc: {EVIL_ADDRESS}\r\nX-Evil: 1\r\n\r\n<b>body</b>",
    "a bare line feed": f"Hi\nBcc: {EVIL_ADDRESS}",
    "everybody": "<!channel> <!everyone> <@U0123> @everyone @here <@123> <@&456> <at>all</at>",
    "a link under other words": "[your bank](javascript:alert(1)) <https://evil.example|your bank> [a]( https://evil.example )",
    "a script's address": "javascript:alert(1)",
    "a script's address, hidden": "JaVa\tScRiPt:alert(1)",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(1)><a href='javascript:alert(1)'>x</a><iframe src=//evil></iframe>",
    "marks": "a\x00b\x1b[31m\u202egnp.exe\u2066x",
}
ACTIVE = ("script", "iframe", "object", "embed", "form", "base", "link", "svg", "math")
def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all texts."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from places(inner, (*path, at))
    elif isinstance(value, str):
        yield path


def with_text(config: dict[str, Any], path: tuple[Any, ...], text: str) -> dict[str, Any]:
    changed = deepcopy(config)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = text
    return changed


def test_every_provider_and_every_field_has_its_case() -> None:
    modules = (email_send, sms_send, push_send, slack_send, discord_send, teams_send)
    assert {provider.name for module in modules for provider in module.PROVIDERS} == {name.partition(",")[0] for name in CASES}
    beside = {"credential", "fallback", "quiet_hours", "priority", "ttl_seconds", "reply_broadcast", "unfurl"}
    for node_type in {case[0] for case in CASES.values()}:
        filled = {name for case in CASES.values() if case[0] == node_type for name in case[3]}
        assert set(catalogue().get(node_type).config_schema()["properties"]) - beside == filled  # type: ignore[union-attr]


@pytest.mark.parametrize("text", list(HOSTILE))
@pytest.mark.parametrize("case", list(CASES))
def test_hostile_text_in_every_field_is_harmless(bench: Bench, case: str, text: str) -> None:
    hostile = HOSTILE[text]
    with world() as providers:
        node_type, config = providers.message(bench, case)
        bench.node(node_type, **config).run()
        credential = config.pop("credential")
        outcomes = set()
        for path in places(config):
            providers.forget()
            where = f"{case}: {'/'.join(map(str, path))}"
            refusal = refused(bench.node(node_type, credential=credential, **with_text(config, path, hostile)))
            outcomes.add(refusal is None)
            if refusal is not None:
                assert refusal in ("invalid_config", "invalid_url", "egress_denied", "not accepted"), where
                assert (providers.requests(), providers.mail.mails, providers.pushed.got) == ([], [], []), where
                continue
            check_sent(providers, case, where)
    assert True in outcomes


def refused(node: Node) -> str | None:
    """The error's code; None when it was sent."""
    try:
        node.run()
    except ActionError as error:
        return error.code
    except ValidationError:
        return "not accepted"
    return None


def check_sent(providers: World, case: str, where: str) -> None:
    """Everything that has left."""
    for envelope, message in zip(providers.mail.envelopes, providers.mail.mails, strict=True):
        assert set(envelope[1]) <= RECIPIENTS, where
        check_mail(message, where)
    for request in providers.pushed.got:
        assert {name for name in request.headers if "evil" in name or name == "bcc"} == set(), where
        check_push(json.loads(request.body), where)
    requests = providers.requests()
    assert len(requests) + len(providers.mail.mails) + len(providers.pushed.got) == 1, where
    for sent in requests:
        check_request(sent, case, providers.someone, where)


def check_request(request: Sent, case: str, someone: Any, where: str) -> None:
    """What one provider was sent."""
    assert not [name for name in request.headers if "evil" in name or name in ("bcc", "cc")], where
    match case.partition(",")[0]:
        case "ses":
            form = request.form
            assert {value for name, value in form.items() if name.startswith("Destinations")} <= RECIPIENTS, where
            check_mail(email.message_from_bytes(b64decode(form["RawMessage.Data"]), policy=email.policy.default), where)
        case "twilio" | "sns":
            fields = parse_qs(request.body.decode(), keep_blank_values=True)
            assert [fields[name] for name in ("To", "PhoneNumber") if name in fields] == [[TO["sms.send"]]], where
            check_plain((fields.get("Body") or fields["Message"])[0], where)
        case "http":
            fields = request.form if "urlencoded" in request.headers["content-type"] else request.json
            assert TO["sms.send"] in fields.values(), where
            check_plain(str(fields.get("text", "")), where)
        case "fcm":
            check_push(request.json["message"], where)
        case "web_push":
            check_push(json.loads(someone.decrypt(request.body)), where)
        case "slack" | "slack_webhook":
            for path in places(request.json):
                if path[-1] in ("text", "url", "image_url"):
                    value = found_at(request.json, path)
                    if path[-1] != "text":
                        assert value.startswith("https://ok.example"), where
                    elif len(path) == 1 or found_at(request.json, path[:-1])["type"] == "mrkdwn":
                        assert not re.search(r"<(?:!|@|#|https?:|javascript)", value), where
                    check_plain(value, where)
        case "discord" | "discord_webhook":
            assert request.json["allowed_mentions"]["parse"] == [], where
            for path in places(request.json):
                value = found_at(request.json, path)
                assert not re.search(r"@(?:everyone|here)|<@[&!]?\d", value), where
                assert not re.search(r"(?<!\\)\]\(", value), where
                if path[-1] in ("url", "icon_url", "avatar_url"):
                    assert value.startswith("https://ok.example"), where
                check_plain(value, where)
        case "teams":
            for path in places(request.json["attachments"][0]["content"]):
                value = found_at(request.json["attachments"][0]["content"], path)
                words_only = path[-1] == "title" and path[0] == "actions"  # a button's label is read as it is
                assert words_only or not re.search(r"(?<!\\)\](?<!\\)\(|<at>", value), where
                if path[-1] == "url":
                    assert value.startswith("https://ok.example"), where
                check_plain(value, where)


def found_at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        value = value[part]
    return value


def check_plain(text: str, where: str) -> None:
    """No control characters, nor marks that turn the direction of writing."""
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text), where


def check_push(message: Any, where: str) -> None:
    for path in places(message):
        value = found_at(message, path)
        if path[-1] in ("url", "link", "image"):
            assert value.startswith("https://ok.example"), where
        elif path[-1] in ("title", "body"):
            check_plain(value, where)


class Page(HTMLParser):
    """What would act in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.active.append(tag)
        for name, value in attrs:
            scheme = re.sub(r"[\x00-\x20]", "", value or "").partition(":")[0].lower()
            if name.startswith("on") or (name in ("href", "src") and scheme in ("javascript", "data", "vbscript")):
                self.active.append(f"{tag} {name}")


def check_mail(message: Any, where: str) -> None:
    for name in ("Bcc", "X-Evil"):
        assert message[name] is None, where
    assert EVIL_ADDRESS not in str(message["To"]) + str(message["Cc"]) + str(message["Reply-To"]), where
    for part in message.walk():
        assert part["X-Evil"] is None, where
        assert part["Bcc"] is None, where
        if part.get_content_type() == "text/html" and not part.is_attachment():
            page = Page()
            page.feed(part.get_content())
            assert page.active == [], where
