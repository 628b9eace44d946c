"""slack.send, discord.send and teams.send against local servers that follow their APIs."""

from __future__ import annotations

import json

import pytest

from tests.support.notifying import Bench
from tests.support.web_api import Sent, WebApi, web_api

EVIL = "<!channel> <https://evil.example|bank> @everyone [x](javascript:1) <script>a</script> &"


def slack_bot(bench: Bench, api: WebApi, name: str = "bot") -> str:
    return bench.credential("slack_bot", {"token": "xoxb-the-token", "api_url": api.url + "/api"}, name)


def posted(request: Sent):
    return 200, {"ok": True, "channel": request.json["channel"], "ts": "1700000000.000100"}


def test_a_bot_posts_and_answers_in_a_thread(bench):
    with web_api(posted) as api:
        node = bench.node("slack.send", credential=slack_bot(bench, api), channel="C1", text="Order 17 is *paid*", mentions=["here", "U0123"])
        output = node.run().output
        assert (output["provider"], output["message_id"], output["status"], output["thread_ts"]) == ("slack", "1700000000.000100", "delivered", "1700000000.000100")
        bench.node("slack.send", credential="bot", channel=["C1", "C2"], text="more", thread_ts=output["thread_ts"], reply_broadcast=True).run()
    first, second, third = api.sent
    assert first.path == "/api/chat.postMessage"
    assert first.headers["authorization"] == "Bearer xoxb-the-token"
    assert first.headers["idempotency-key"] == f"{node.execution_id}.n"
    assert first.json == {"channel": "C1", "text": "<!here> <@U0123> Order 17 is *paid*", "unfurl_links": False, "unfurl_media": False}
    assert (second.json["thread_ts"], second.json["reply_broadcast"]) == ("1700000000.000100", True)
    assert third.json["channel"] == "C2"
    assert node.statuses() == [(1, "slack", "delivered", "")]


def test_nothing_in_a_message_to_slack_calls_or_misleads(bench):
    with web_api(posted) as api:
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": EVIL}}, {"type": "context", "elements": [{"type": "mrkdwn", "text": EVIL}]}]
        bench.node("slack.send", credential=slack_bot(bench, api), channel="C1", text=EVIL, blocks=blocks).run()
        evil_link = [{"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "x"}, "url": "javascript:alert(1)"}]}]
        assert bench.node("slack.send", credential="bot", channel="C1", text="x", blocks=evil_link).fails().code == "invalid_config"
    assert len(api.sent) == 1
    assert "<" not in api.last.body.decode().replace("\\u003c", "<")


@pytest.mark.parametrize(
    ("status", "body", "headers", "code", "error_class", "reason", "ledger"),
    [
        (200, {"ok": False, "error": "channel_not_found"}, {}, "provider_error", None, "channel_not_found", "failed"),
        (200, {"ok": False, "error": "missing_scope", "needed": "chat:write"}, {}, "provider_error", None, "missing_scope", "failed"),
        (200, {"ok": False, "error": "ratelimited"}, {}, "rate_limited", "rate_limited", "ratelimited", "failed"),
        (429, "", {"Retry-After": "30"}, "rate_limited", "http.429", "rate_limited", "failed"),
        (500, "", {}, "provider_error", "http.500", "http_500", "failed"),
        (200, "not json", {}, "provider_error", None, "invalid_response", "unknown"),
    ],
)
def test_what_slack_says_no_to(bench, status, body, headers, code, error_class, reason, ledger):
    with web_api(lambda _request: (status, body, headers)) as api:
        node = bench.node("slack.send", credential=slack_bot(bench, api), channel="C1", text="x")
        error = node.fails()
    assert (error.code, error.error_class, error.retry_after) == (code, error_class, 30 if status == 429 else None)
    assert node.statuses() == [(1, "slack", ledger, reason)]


def test_a_slack_webhook(bench):
    with web_api(lambda _request: (200, "ok")) as api:
        slug = bench.credential("slack_webhook", {"url": api.url + "/services/T0/B0/secretpath"})
        output = bench.node("slack.send", credential=slug, text=EVIL).run().output
        assert (output["provider"], output["message_id"], output["status"]) == ("slack_webhook", None, "delivered")
        api.answer = lambda _request: (404, "no_service")
        node = bench.node("slack.send", credential=slug, text="x")
        error = node.fails()
    assert "<" not in json.loads(api.sent[0].body)["text"]
    assert "secretpath" not in error.message
    assert node.statuses() == [(1, "slack_webhook", "failed", "no_service")]


def test_a_webhook_falls_back_to_a_bot(bench):
    with web_api(lambda _request: (410, "channel_is_archived")) as webhook, web_api(posted) as api:
        slug = bench.credential("slack_webhook", {"url": webhook.url + "/services/T0/B0/secretpath"})
        output = bench.node("slack.send", credential=slug, fallback=slack_bot(bench, api), channel="C1", text="x").run().output
    assert output["provider"] == "slack"


def test_a_bot_without_a_channel_says_so(bench):
    with web_api(posted) as api:
        error = bench.node("slack.send", credential=slack_bot(bench, api), text="x").fails()
    assert error.code == "invalid_config"
    assert "channel" in error.message


# -- Discord -------------------------------------------------------------------------------------------------------------------------


def test_a_discord_webhook(bench):
    with web_api(lambda _request: (200, {"id": "112233", "channel_id": "445566"})) as api:
        slug = bench.credential("discord_webhook", {"url": api.url + "/api/webhooks/1/secretpath"})
        node = bench.node("discord.send", credential=slug, text=EVIL, username="Shop", thread_id="77", embeds=[{"title": EVIL, "url": "https://ok.example"}])
        output = node.run().output
    assert (output["message_id"], output["status"]) == ("112233", "delivered")
    sent = api.last
    assert sent.path == "/api/webhooks/1/secretpath?wait=true&thread_id=77"
    assert sent.json["allowed_mentions"] == {"parse": [], "users": [], "roles": []}
    for text in (sent.json["content"], sent.json["embeds"][0]["title"]):
        assert "@everyone" not in text
        assert "](javascript" not in text
    assert sent.json["username"] == "Shop"


def test_a_discord_bot_sends_a_nonce_and_calls_on_purpose(bench):
    with web_api(lambda _request: (200, {"id": "1", "channel_id": "99"})) as api:
        slug = bench.credential("discord_bot", {"token": "the-bot-token", "api_url": api.url})
        node = bench.node("discord.send", credential=slug, channel="99", text="x", mentions=["everyone", "123", "&456"])
        node.run()
        bench.node("discord.send", credential=slug, channel="99", text="x").run()
        assert bench.node("discord.send", credential=slug, channel="../users", text="x").fails().code == "invalid_config"
        assert bench.node("discord.send", credential=slug, channel="99", text="x", mentions="nobody").fails().code == "invalid_config"
    first, second = api.sent
    assert first.path == "/channels/99/messages"
    assert first.headers["authorization"] == "Bot the-bot-token"
    assert first.json["content"] == "@everyone <@123> <@&456> x"
    assert first.json["allowed_mentions"] == {"parse": ["everyone"], "users": ["123"], "roles": ["456"]}
    assert first.json["enforce_nonce"] is True
    assert first.json["nonce"] != second.json["nonce"]
    assert len(first.json["nonce"]) == 25


@pytest.mark.parametrize(
    ("status", "body", "error_class", "reason", "wait"),
    [
        (429, {"message": "You are being rate limited.", "retry_after": 0.65, "global": False}, "http.429", "rate_limited", 0.65),
        (403, {"message": "Missing Access", "code": 50001}, None, "discord_50001", None),
        (404, {"message": "Unknown Webhook", "code": 10015}, None, "discord_10015", None),
        (500, {}, "http.500", "http_500", None),
    ],
)
def test_what_discord_says_no_to(bench, status, body, error_class, reason, wait):
    with web_api(lambda _request: (status, body)) as api:
        node = bench.node("discord.send", credential=bench.credential("discord_webhook", {"url": api.url + "/api/webhooks/1/s"}), text="x")
        error = node.fails()
    assert (error.error_class, error.retry_after) == (error_class, wait)
    assert node.statuses()[0][2:] == ("failed", reason)


# -- Teams ---------------------------------------------------------------------------------------------------------------------------


def test_teams_gets_an_adaptive_card(bench):
    with web_api(lambda _request: (202, "", {"x-ms-workflow-run-id": "0858"})) as api:
        slug = bench.credential("teams_webhook", {"url": api.url + "/workflows/1/triggers/manual/paths/invoke?sig=secretsig"})
        links = [{"label": "Open", "url": "https://ok.example"}]
        output = bench.node("teams.send", credential=slug, title=EVIL, text="a\n\nb", facts={"Total": "*5*"}, links=links).run().output
        assert bench.node("teams.send", credential=slug, text="x", links=[{"label": "x", "url": "javascript:1"}]).fails().code == "invalid_config"
        assert bench.node("teams.send", credential=slug, card={"body": [{"selectAction": {"url": "javascript:1"}}]}).fails().code == "invalid_config"
        assert bench.node("teams.send", credential=slug, text="x" * 19_000 + "*" * 900).run().output["status"] == "accepted"
        assert "bytes" in bench.node("teams.send", credential=slug, text="*" * 19_000).fails().message
    assert (output["message_id"], output["status"]) == ("0858", "accepted")
    body = api.sent[0].json
    (attachment,) = body["attachments"]
    assert (body["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"].startswith("\\<\\!channel\\>")
    assert "](javascript" not in card["body"][0]["text"]
    assert [block["text"] for block in card["body"][1:3]] == ["a", "b"]
    assert card["body"][3]["facts"] == [{"title": "Total", "value": "\\*5\\*"}]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": "https://ok.example"}]


def test_a_card_of_ones_own_and_what_teams_says_no_to(bench):
    with web_api(lambda _request: (202, "")) as api:
        slug = bench.credential("teams_webhook", {"url": api.url + "/workflows/1?sig=secretsig"})
        bench.node("teams.send", credential=slug, card={"body": [{"type": "TextBlock", "text": "[x](javascript:1) <at>all</at>"}]}).run()
        assert api.last.json["attachments"][0]["content"]["body"][0]["text"] == "[x]\\(javascript:1) &lt;at>all&lt;/at>"
        api.answer = lambda _request: (429, "slow down secretsig", {"Retry-After": "3"})
        node = bench.node("teams.send", credential=slug, text="x")
        error = node.fails()
        assert (error.error_class, error.retry_after) == ("http.429", 3)
        api.answer = lambda _request: (400, {"error": {"code": "InvalidTemplate"}})
        assert bench.node("teams.send", credential=slug, text="x").fails().error_class is None


@pytest.mark.parametrize(("type", "path"), [("slack_webhook", "/services/T/B/x"), ("discord_webhook", "/api/webhooks/1/x"), ("teams_webhook", "/workflows/x")])
def test_a_webhooks_address_is_its_secret(api, type, path):
    url = f"https://hooks.example.com{path}-very-secret"
    made = api.post("/credentials", {"name": "Hook", "type": type, "data": {"url": url}})
    assert made.status == 201
    assert b"very-secret" not in made.body
    assert made.json["hosts"] == ["hooks.example.com"]
    wrong = api.post("/credentials", {"name": "Hook", "type": type, "data": {"url": "hooks.example.com"}})
    assert (wrong.status, wrong.json["errors"][0]["path"]) == (422, "/data/url")
