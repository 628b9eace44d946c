"""Amazon SES (SendRawEmail, which LocalStack knows too): the mail is handed over as it is, so that it is the same whichever provider takes it."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.actions.messages import mail
from chalicelib.actions.messages.aws_api import call, taken
from chalicelib.actions.messages.provider import Answer, Job

MAX_RECIPIENTS = 50  # of one call of SES


class SesProvider:
    """email.send by SES. Receipts come by SNS (docs/messages.md)."""

    name, channel, types = "ses", "email", ("aws",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """One mail for each fifty recipients, all with the same headers."""
        envelope = mail.build(job.config, None, job.ctx.idempotency_key, job.ctx.now)
        answers: dict[str, Answer] = {}
        for at in range(0, len(job.recipients), MAX_RECIPIENTS):
            some = list(job.recipients[at : at + MAX_RECIPIENTS])
            try:
                found = await call(job, "ses", "send_raw_email", self._parameters(envelope, some, job))
                answers.update(dict.fromkeys(some, taken(found)))
            except Exception as error:
                problem = getattr(error, "problem", None)
                if problem is None or not answers:
                    raise
                answers.update(dict.fromkeys(job.recipients[at:], problem))
                break
        return answers

    @staticmethod
    def _parameters(envelope: mail.Envelope, recipients: list[str], job: Job) -> dict[str, object]:
        return {
            "Source": envelope.sender,
            "Destinations": recipients,
            "RawMessage": {"Data": envelope.body},
            "Tags": [{"Name": "millrace_execution", "Value": job.ctx.execution_id}],
        }
