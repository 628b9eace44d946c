"""Apple Push Notification service: HTTP/2, with a token signed by the team's key."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.http_api import of_failure, of_status, parsed
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Taken, one_by_one
from chalicelib.actions.messages.push import texts, token_of, within
from chalicelib.core import http2
from chalicelib.core.egress import EgressDenied, InvalidUrl, guard, parse_url
from chalicelib.core.http import CallFailed, Response
from chalicelib.core.jwt import sign_es256
from chalicelib.credentials.watched import watched

TOKEN_SECONDS = 1_800.0  # Apple refuses tokens younger than 20 minutes apart, and older than an hour
_REASONS = {
    "BadDeviceToken": "invalid_recipient",
    "DeviceTokenNotForTopic": "wrong_topic",
    "Unregistered": "unregistered",
    "ExpiredToken": "unregistered",
    "ExpiredProviderToken": "unauthorized",
    "InvalidProviderToken": "unauthorized",
    "TooManyRequests": "rate_limited",
    "PayloadTooLarge": "too_large",
}
_tokens: dict[tuple[str, int], tuple[str, float]] = {}


def provider_token(job: Job) -> str:
    """The signed token, the same for half an hour."""
    key = (job.credential.id, job.credential.revision)
    known = _tokens.get(key)
    if known is None or known[1] < time.monotonic():
        data = job.credential.data
        token = sign_es256(data.private_key, {"kid": data.key_id}, {"iss": data.team_id, "iat": int(time.time())})
        if len(_tokens) > 1_000:
            _tokens.clear()
        known = _tokens[key] = (token, time.monotonic() + TOKEN_SECONDS)
    job.ctx.secrets.add([known[0]])
    return known[0]


class ApnsProvider:
    """push.send to Apple's devices."""

    name, channel, types = "apns", "push", ("apns",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message to each device."""
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        data, device = job.credential.data, token_of(recipient)
        url = f"{data.api_url.rstrip('/')}/3/device/{device}"
        target = parse_url(url)
        job.credential.check_host(target.host, target.port)
        message_id = str(uuid.uuid5(uuid.NAMESPACE_OID, job.key_for(recipient)))
        try:
            with watched(job.ctx, job.credential.id, f"{target.host}:{target.port}") as watch:
                response = await http2.post(guard(), url, self.headers(job, recipient, message_id), within(self.payload(job.config)), timeout=job.seconds)
                watch.answered(response.status)
        except (CallFailed, EgressDenied, InvalidUrl) as error:
            raise NotTaken(of_failure(error)) from None
        return self._read(response, message_id)

    @staticmethod
    def headers(job: Job, recipient: str, message_id: str) -> dict[str, str]:
        """`apns-collapse-id` is the same on every attempt: a device that has the message already shows it once."""
        config = job.config
        return {
            "authorization": f"bearer {provider_token(job)}",
            "apns-topic": job.credential.data.topic,
            "apns-push-type": "alert",
            "apns-id": message_id,
            "apns-priority": "10" if config.priority == "high" else "5",
            "apns-expiration": str(int(time.time()) + config.ttl_seconds) if config.ttl_seconds else "0",
            "apns-collapse-id": (config.collapse_key or message_id)[:64],
            "idempotency-key": job.key_for(recipient),
        }

    @staticmethod
    def payload(config: Any) -> dict[str, Any]:
        """The message as Apple takes it: its own under `aps`, the author's data beside."""
        found = texts(config)
        aps: dict[str, Any] = {"alert": {name: found[name] for name in ("title", "body") if found[name]}}
        if config.badge is not None:
            aps["badge"] = config.badge
        if config.sound:
            aps["sound"] = config.sound
        beside = {name: value for name, value in config.data.items() if name != "aps"}
        return {"aps": aps, **{name: found[name] for name in ("url", "image") if found.get(name)}, **beside}

    @staticmethod
    def _read(response: Response, message_id: str) -> Answer:
        if response.status == 200:
            return Taken(response.header("apns-id") or message_id)
        body = parsed(response)
        said = str(body.get("reason", "")) if isinstance(body, dict) else ""
        return of_status(response, "APNs", said, reason=_REASONS.get(said) or (said or None))
