"""Every way in which Millrace connects to an address that a user gave. A new sender is added here, and the table of hostile addresses runs over it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from chalicelib.actions import http_request, llm_prompt, postgres_query, webhook_send
from chalicelib.actions.cloud import calling
from chalicelib.actions.messages import fcm
from chalicelib.actions.messages.apns import ApnsProvider
from chalicelib.actions.messages.discord import DiscordBot, DiscordWebhook
from chalicelib.actions.messages.fcm import FcmProvider
from chalicelib.actions.messages.http_sms import HttpSmsProvider
from chalicelib.actions.messages.provider import Job, NotTaken, Problem, Provider
from chalicelib.actions.messages.push import recipient_key
from chalicelib.actions.messages.ses import SesProvider
from chalicelib.actions.messages.slack import SlackBot, SlackWebhook
from chalicelib.actions.messages.smtp import SmtpProvider
from chalicelib.actions.messages.sns import SnsProvider
from chalicelib.actions.messages.teams import TeamsWebhook
from chalicelib.actions.messages.twilio import TwilioProvider
from chalicelib.actions.messages.webpush import WebPushProvider
from chalicelib.core.clock import utc_now
from chalicelib.core.egress import guard
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import HttpClient
from chalicelib.credentials import oauth, testing
from chalicelib.credentials.catalogue import credential_types
from chalicelib.credentials.vault import Opened
from chalicelib.deliveries.service import Accepted
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.spec import ActionError, ActionSpec, NodeContext
from tests.support.http_server import answer, serving
from tests.support.pushing import browser, ec_key, rsa_key

Send = Callable[[str, int], Awaitable[Any]]


@dataclass(frozen=True)
class Sender:
    """`send(host, port)` connects there; `action` is the node type it stands for. `speaks_first`: it sends before the other side does, as HTTP does."""

    send: Send
    action: str | None = None
    speaks_first: bool = True


async def outcome(sender: Sender, host: str, port: int) -> str:
    """The error's code, and its words; `sent` when there was none."""
    try:
        await sender.send(host, port)
    except ActionError as error:
        return f"{error.code}: {error.message}"
    except MillraceError as error:
        return f"{error.code}: {error.detail}"
    return "sent"


def url_of(host: str, port: int) -> str:
    """An URL of the host; IPv6 addresses in brackets."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/x"


def _context(client: HttpClient) -> NodeContext:
    """A running node, as the engine would make it."""
    return NodeContext(
        execution_id="exe_1",
        workspace_id="ws_1",
        node_id="n",
        iteration="",
        attempt=1,
        idempotency_key="key",
        now=utc_now(),
        evaluate=lambda source: None,
        timeout_seconds=5.0,
        clients={"http": client},
    )


async def run_action(spec: ActionSpec, config: dict[str, Any]) -> Any:
    """Run an action by itself, on a client of its own under the process's guard."""
    client = HttpClient(guard())
    try:
        result: Any = spec.run(_context(client), spec.config_model.model_validate(config))
        return await result
    finally:
        await client.close()


async def _http_request(host: str, port: int) -> None:
    await run_action(http_request.SPEC, {"url": url_of(host, port)})


async def _webhook_send(host: str, port: int) -> None:
    url = url_of(host, port)
    with without_ledger(url):
        await run_action(webhook_send.SPEC, {"url": url, "payload": 1})


async def _proxy(host: str, port: int) -> None:
    await run_action(http_request.SPEC, {"url": "http://8.8.8.8/", "proxy": {"url": url_of(host, port).removesuffix("/x")}})


async def _behind_a_proxy(host: str, port: int) -> None:
    with serving(lambda request: answer(b"from the proxy")) as proxy:
        await run_action(http_request.SPEC, {"url": url_of(host, port), "proxy": {"url": proxy.url("")}})


async def _redirect(host: str, port: int) -> None:
    with serving(lambda request: answer(b"", "302 Found", f"Location: {url_of(host, port)}")) as server:
        await run_action(http_request.SPEC, {"url": server.url("/start")})


async def _token_endpoint(host: str, port: int) -> None:
    data = _data("oauth2_client_credentials", token_url=url_of(host, port), client_id="c", client_secret="secret")
    client = HttpClient(guard())
    try:
        await oauth.request_token(data, {"grant_type": "client_credentials"}, client)
    finally:
        await client.close()


def _data(type: str, **fields: Any) -> Any:
    return credential_types()[type].model.model_validate(fields)


def _opened(type: str, **fields: Any) -> Opened:
    return Opened("cred_1", "ws_1", "Test", credential_types()[type], _data(type, **fields), ("*",), None, 1)


async def _tested(opened: Opened, url: str | None) -> None:
    result = await asyncio.to_thread(testing.run_test, opened, url)
    if result.status != "ok":
        raise MillraceError(result.message, code=result.code)


async def _credential_test(host: str, port: int) -> None:
    await _tested(_opened("bearer", token="the-token"), url_of(host, port))


async def _aws_test(host: str, port: int) -> None:
    opened = _opened("aws", access_key_id="AKIA", secret_access_key="secret", region="eu-west-1", sts_url=url_of(host, port))
    await _tested(opened, None)


async def _smtp_test(host: str, port: int) -> None:
    await _tested(_opened("smtp", host=host, port=port, security="none"), None)


async def _trigger_keys(host: str, port: int) -> None:
    from chalicelib.triggers import tokens

    raw = await asyncio.to_thread(tokens._fetch, url_of(host, port))
    json.loads(raw)


def _message(action: str, provider: Provider, credential: str, data: Callable[[str, int], dict[str, Any]], config: dict[str, Any], to: str = "+15005550006") -> Send:
    """A provider by itself: what the ledger and the vault do before it connects to no address of a user's."""

    async def send(host: str, port: int) -> None:
        spec = catalogue().get(action)
        assert spec is not None
        client = HttpClient(guard())
        given = json.loads(json.dumps(config).replace("{url}", url_of(host, port)))
        try:
            job = Job(
                _context(client), spec.config_model.model_validate({"credential": "c", **given}), _opened(credential, **data(host, port)), [to], {to: "dlv_1"},
                time.monotonic() + 5,
            )  # fmt: skip
            answers = await provider.send(job)
        except NotTaken as error:
            raise ActionError(error.problem.code, error.problem.message) from None
        finally:
            await client.close()
        for found in answers.values():
            if isinstance(found, Problem):
                raise ActionError(found.code, found.message)

    return send


def _aws(host: str, port: int) -> dict[str, Any]:
    return {"access_key_id": "AKIA", "secret_access_key": "secret", "region": "eu-west-1", "endpoint_url": url_of(host, port).removesuffix("/x")}


def _twilio(host: str, port: int) -> dict[str, Any]:
    return {"account_sid": "AC0123456789", "auth_token": "token", "sender": "+15005550001", "api_url": url_of(host, port)}


def _hook(host: str, port: int) -> dict[str, Any]:
    return {"url": url_of(host, port)}


def _bot(host: str, port: int) -> dict[str, Any]:
    return {"token": "t", "api_url": url_of(host, port)}


def _fcm(host: str, port: int) -> dict[str, Any]:
    fcm._tokens.clear()  # the token of the call before would do
    account = {"client_email": "a@b.example", "private_key": rsa_key(), "project_id": "p", "token_uri": url_of(host, port)}
    return {"service_account": json.dumps(account), "api_url": "http://nowhere.invalid"}


def _apns(host: str, port: int) -> dict[str, Any]:
    return {"private_key": ec_key(), "key_id": "K", "team_id": "T", "topic": "com.example", "api_url": url_of(host, port)}


async def _web_push(host: str, port: int) -> None:
    subscription = browser(url_of(host, port)).subscription
    send = _message("push.send", WebPushProvider(), "web_push", lambda host, port: {"private_key": ec_key(), "subject": "mailto:a@b.example"}, {"to": [subscription], "title": "x"}, recipient_key(subscription))
    await send(host, port)


def _of_aws(type: str, config: dict[str, Any]) -> Send:
    """A node that calls AWS, its credential lent from memory."""

    async def send(host: str, port: int) -> None:
        spec = catalogue().get(type)
        assert spec is not None
        with lent(_opened("aws", **_aws(host, port))):
            await run_action(spec, {"credential": "c", **config})

    return send


async def _postgres(host: str, port: int) -> None:
    with lent(_opened("postgres", host=host, port=port, database="d", username="u", tls="disable")):
        await run_action(postgres_query.SPEC, {"credential": "c", "query": "SELECT 1"})


async def _llm(host: str, port: int) -> None:
    await run_action(llm_prompt.SPEC, {"base_url": url_of(host, port), "model": "m", "prompt": "x"})


@contextmanager
def without_ledger(url: str) -> Iterator[None]:
    """Within, webhook.send writes no rows; the ledger connects to no address of a user's."""

    async def accepted(_work: Any) -> Accepted:
        return Accepted({url: "dlv_1"}, {})

    async def nothing(*_: Any) -> None:
        return None

    with patch.object(webhook_send, "before_sending", accepted), patch.object(webhook_send, "record", nothing):
        yield


@contextmanager
def lent(opened: Opened) -> Iterator[None]:
    """Within, every node is lent this credential."""

    async def borrow(*_: Any, **__: Any) -> Opened:
        return opened

    with patch.object(calling, "borrow", borrow), patch.object(postgres_query, "borrow", borrow):
        yield


_MAIL = {"from": "a@b.example", "to": "c@d.example", "text": "x"}
_SMS = {"to": "+15005550006", "text": "x"}

SENDERS: dict[str, Sender] = {
    "http.request": Sender(_http_request, "http.request"),
    "http.request, its proxy": Sender(_proxy),
    "http.request, behind a proxy": Sender(_behind_a_proxy),
    "http.request, a redirect": Sender(_redirect),
    "webhook.send": Sender(_webhook_send, "webhook.send"),
    "OAuth token endpoint": Sender(_token_endpoint),
    "credential test, a URL": Sender(_credential_test),
    "credential test, AWS": Sender(_aws_test),
    "credential test, SMTP": Sender(_smtp_test, speaks_first=False),
    "keys of a trigger's tokens": Sender(_trigger_keys),
    "email.send, SMTP": Sender(
        _message("email.send", SmtpProvider(), "smtp", lambda host, port: {"host": host, "port": port, "security": "none"}, _MAIL, "c@d.example"),
        "email.send",
        speaks_first=False,
    ),
    "email.send, SES": Sender(_message("email.send", SesProvider(), "aws", _aws, _MAIL, "c@d.example"), "email.send"),
    "sms.send, Twilio": Sender(_message("sms.send", TwilioProvider(), "twilio", _twilio, _SMS), "sms.send"),
    "sms.send, SNS": Sender(_message("sms.send", SnsProvider(), "aws", _aws, _SMS), "sms.send"),
    "slack.send, webhook": Sender(_message("slack.send", SlackWebhook(), "slack_webhook", _hook, {"text": "x"}, "c"), "slack.send"),
    "slack.send, bot": Sender(_message("slack.send", SlackBot(), "slack_bot", _bot, {"text": "x", "channel": "C1"}, "C1")),
    "discord.send, webhook": Sender(_message("discord.send", DiscordWebhook(), "discord_webhook", _hook, {"text": "x"}, "c"), "discord.send"),
    "discord.send, bot": Sender(_message("discord.send", DiscordBot(), "discord_bot", _bot, {"text": "x", "channel": "1"}, "1")),
    "teams.send": Sender(_message("teams.send", TeamsWebhook(), "teams_webhook", _hook, {"text": "x"}, "c"), "teams.send"),
    "push.send, Web Push": Sender(_web_push, "push.send"),
    "push.send, Firebase's token": Sender(_message("push.send", FcmProvider(), "fcm", _fcm, {"to": "t", "title": "x"}, "t")),
    "push.send, Apple": Sender(_message("push.send", ApnsProvider(), "apns", _apns, {"to": "t", "title": "x"}, "t"), speaks_first=False),
    "s3.get": Sender(_of_aws("s3.get", {"bucket": "bucket", "key": "k"}), "s3.get"),
    "s3.put": Sender(_of_aws("s3.put", {"bucket": "bucket", "key": "k", "body": "x"}), "s3.put"),
    "sqs.send": Sender(_of_aws("sqs.send", {"queue_url": "https://sqs.eu-west-1.amazonaws.com/1/q", "body": "x"}), "sqs.send"),
    "sns.publish": Sender(_of_aws("sns.publish", {"topic_arn": "arn:aws:sns:eu-west-1:1:t", "message": "x"}), "sns.publish"),
    "lambda.invoke": Sender(_of_aws("lambda.invoke", {"function": "f"}), "lambda.invoke"),
    "events.put": Sender(_of_aws("events.put", {"source": "s", "detail_type": "t"}), "events.put"),
    "stepfunctions.start": Sender(_of_aws("stepfunctions.start", {"state_machine_arn": "arn:aws:states:eu-west-1:1:stateMachine:m"}), "stepfunctions.start"),
    "postgres.query": Sender(_postgres, "postgres.query", speaks_first=False),
    "llm.prompt": Sender(_llm, "llm.prompt"),
    "sms.send, a gateway": Sender(
        _message("sms.send", HttpSmsProvider(), "bearer", lambda host, port: {"token": "t"}, {**_SMS, "http": {"url": "{url}"}}), "sms.send"
    ),
}

# Effects that connect to no address of the user's.
NO_ADDRESS = {
    "digest": "waits in the database",
    "kafka.publish": "the operator's brokers",
    "function": "has no network",
    "workflow.run": "starts an execution",
    "map": "starts executions",
}
