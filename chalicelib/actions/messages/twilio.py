"""Twilio's Messages API."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.actions.messages.config import invalid
from chalicelib.actions.messages.http_api import of_status, parsed, post
from chalicelib.actions.messages.provider import Answer, Job, Problem, Taken, one_by_one
from chalicelib.actions.messages.text import plain
from chalicelib.core.http import Response
from chalicelib.deliveries.links import url_of

# Twilio's error codes that say more than their status: https://www.twilio.com/docs/api/errors
_REASONS = {
    21211: "invalid_recipient",
    21214: "invalid_recipient",
    21217: "invalid_recipient",
    21610: "unsubscribed",
    21614: "not_a_mobile_number",
    21408: "region_not_enabled",
    21612: "unreachable",
    20003: "unauthorized",
    20429: "rate_limited",
}


class TwilioProvider:
    """sms.send by Twilio. Receipts come to an address of each message's own."""

    name, channel, types = "twilio", "sms", ("twilio",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message for each recipient."""
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        data = job.credential.data
        sender = job.config.sender or data.sender
        if not sender:
            raise invalid("from: say which number the message comes from, here or in the Twilio credential")
        form = {"To": recipient, "Body": plain(job.config.text)}
        form["MessagingServiceSid" if sender.startswith("MG") else "From"] = sender
        callback = url_of(job.deliveries[recipient])
        if callback and callback.startswith("https://"):
            form["StatusCallback"] = callback
        elif callback and not data.api_url.startswith("https://"):
            form["StatusCallback"] = callback  # a stand-in on this machine; Twilio itself takes public addresses only
        url = f"{data.api_url.rstrip('/')}/2010-04-01/Accounts/{data.account_sid}/Messages.json"
        return self._read(await post(job, url, form=form, authenticate=True))

    @staticmethod
    def _read(response: Response) -> Answer:
        body = parsed(response)
        body = body if isinstance(body, dict) else {}
        if response.status in (200, 201) and body.get("sid"):
            if body.get("status") in ("failed", "undelivered"):
                return Problem("message_refused", f"Twilio could not send it (error {body.get('error_code')})", f"twilio_{body.get('error_code')}")
            return Taken(str(body["sid"]))
        if response.status < 400:
            return Problem("provider_error", f"Twilio answered {response.status} without a message", "invalid_response", unsure=True)
        code = body.get("code")
        reason = (_REASONS.get(code) or f"twilio_{code}") if isinstance(code, int) else None
        return of_status(response, "Twilio", str(body.get("message", "")), reason=reason)
