"""Firebase Cloud Messaging, HTTP v1."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.http_api import of_failure, of_status, parsed, post
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Problem, Taken, one_by_one
from chalicelib.actions.messages.push import texts, token_of, within
from chalicelib.core import jsontext
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.http import CallFailed, Response
from chalicelib.core.jwt import google_token
from chalicelib.credentials.watched import watched

EARLY_SECONDS = 60.0
_tokens: dict[tuple[str, int], tuple[str, float]] = {}


async def access_token(job: Job, *, renew: bool = False) -> str:
    """The credential's access token, fetched when there is none or it ends soon. Raises NotTaken."""
    key = (job.credential.id, job.credential.revision)
    known = _tokens.get(key)
    if known is None or renew or known[1] < time.monotonic():
        data = job.credential.data
        try:
            target = parse_url(data.token_url)
            job.credential.check_host(target.host, target.port)
            with watched(job.ctx, job.credential.id, f"{target.host}:{target.port}") as watch:
                token, seconds = await google_token(data.account, data.token_url, job.client, job.seconds)
                watch.answered()
        except (CallFailed, EgressDenied, InvalidUrl) as error:
            problem = of_failure(error)
            raise NotTaken(Problem(problem.code, problem.message, "unauthorized" if error.code == "token_refused" else problem.reason, problem.error_class)) from None
        if len(_tokens) > 1_000:
            _tokens.clear()
        known = _tokens[key] = (token, time.monotonic() + max(0.0, seconds - EARLY_SECONDS))
    job.ctx.secrets.add([known[0]])
    return known[0]


class FcmProvider:
    """push.send by Firebase."""

    name, channel, types = "fcm", "push", ("fcm",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message to each device."""
        await access_token(job)
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        body = {"message": self.message(job, token_of(recipient))}
        within(body)
        answer = await self._post(job, body, renew=False)
        if answer.status == 401:  # the token was withdrawn: nothing was sent
            answer = await self._post(job, body, renew=True)
        return self._read(answer)

    @staticmethod
    def message(job: Job, token: str) -> dict[str, Any]:
        """The message as FCM takes it. Devices that have it already show one with the same tag in its place."""
        config, found = job.config, texts(job.config)
        tag = (config.collapse_key or job.key_for(token))[:64]
        notification = {name: found[name] for name in ("title", "body", "image") if found.get(name)}
        data = {name: value if isinstance(value, str) else jsontext.dumps(value) for name, value in config.data.items()}
        android: dict[str, Any] = {"priority": "HIGH" if config.priority == "high" else "NORMAL", "ttl": f"{config.ttl_seconds}s", "notification": {"tag": tag}}
        if config.collapse_key:
            android["collapse_key"] = config.collapse_key
        push: dict[str, Any] = {"headers": {"TTL": str(config.ttl_seconds)}, "notification": {"tag": tag}}
        if found.get("url"):
            data.setdefault("url", found["url"])
            if found["url"].startswith("https://"):
                push["fcm_options"] = {"link": found["url"]}
        apns = {"headers": {"apns-collapse-id": tag, "apns-priority": "10" if config.priority == "high" else "5"}}
        return {"token": token, "notification": notification, "data": data, "android": android, "webpush": push, "apns": apns}

    @staticmethod
    async def _post(job: Job, body: Any, *, renew: bool) -> Response:
        data = job.credential.data
        headers = {"Authorization": f"Bearer {await access_token(job, renew=renew)}"}
        url = f"{data.api_url.rstrip('/')}/v1/projects/{data.account['project_id']}/messages:send"
        return await post(job, url, json=body, headers=headers, secret=("authorization",))

    @staticmethod
    def _read(response: Response) -> Answer:
        body = parsed(response)
        body = body if isinstance(body, dict) else {}
        if response.status == 200 and body.get("name"):
            return Taken(str(body["name"]))
        error: Any = body["error"] if isinstance(body.get("error"), dict) else {}
        details: Any = error["details"] if isinstance(error.get("details"), list) else []
        codes = [str(each["errorCode"]) for each in details if isinstance(each, dict) and each.get("errorCode")]
        reason = {"UNREGISTERED": "unregistered", "SENDER_ID_MISMATCH": "wrong_sender", "QUOTA_EXCEEDED": "rate_limited"}.get(codes[0] if codes else "")
        if response.status < 400:
            return Problem("provider_error", "FCM answered without a message's name", "invalid_response", unsure=True)
        return of_status(response, "FCM", str(error.get("message", "")), reason=reason or (codes[0].lower() if codes else None))
