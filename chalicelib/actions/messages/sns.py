"""Amazon SNS: text messages to phones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.messages.aws_api import call, taken
from chalicelib.actions.messages.provider import Answer, Job, one_by_one
from chalicelib.actions.messages.text import plain


class SnsProvider:
    """sms.send by SNS. Receipts come by an SNS topic (docs/messages.md)."""

    name, channel, types = "sns", "sms", ("aws",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """A message for each recipient."""
        return await one_by_one(job, self._send_one)

    async def _send_one(self, job: Job, recipient: str) -> Answer:
        attributes: dict[str, Any] = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        sender = job.config.sender
        if sender:
            name = "AWS.MM.SMS.OriginationNumber" if sender.startswith("+") else "AWS.SNS.SMS.SenderID"
            attributes[name] = {"DataType": "String", "StringValue": sender}
        found = await call(job, "sns", "publish", {"PhoneNumber": recipient, "Message": plain(job.config.text), "MessageAttributes": attributes})
        return taken(found)
