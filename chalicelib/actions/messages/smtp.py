"""SMTP: mail handed in to a server. The dialogue is led step by step, because only before the last step is it certain that nothing was sent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from chalicelib.actions.messages import mail
from chalicelib.actions.messages.http_api import of_failure, words
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Problem, Taken
from chalicelib.core import smtp
from chalicelib.core.egress import EgressDenied, guard
from chalicelib.core.http import CallFailed
from chalicelib.credentials.watched import watched


class SmtpProvider:
    """email.send by a mail server."""

    name, channel, types = "smtp", "email", ("smtp",)

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """One mail, handed in once for all recipients; each is accepted or refused by itself."""
        data = job.credential.data
        envelope = mail.build(job.config, data.sender, job.ctx.idempotency_key, job.ctx.now)
        job.credential.check_host(data.host.lower(), data.real_port)
        session = await self._open(job)
        try:
            async with asyncio.timeout(job.seconds):
                return await smtp.in_smtp_thread(hand_in, session, envelope, list(job.recipients))
        except TimeoutError:
            message = f"the mail server did not answer within {job.ctx.timeout_seconds:g} seconds"
            return dict.fromkeys(job.recipients, Problem("timeout", message, "timeout", "timeout", unsure=True))
        finally:
            session.close()

    async def _open(self, job: Job) -> smtp.Session:
        data = job.credential.data
        try:
            with watched(job.ctx, job.credential.id, f"{data.host.lower()}:{data.real_port}") as watch:
                session = await smtp.open_smtp(
                    guard(), data.host, data.real_port, data.security, username=data.username, password=data.password, timeout=job.seconds
                )
                watch.answered()
            return session
        except (CallFailed, EgressDenied) as error:
            problem = of_failure(error)  # whatever it was: no mail was begun
            raise NotTaken(Problem(problem.code, problem.message, problem.reason, problem.error_class)) from None


def hand_in(session: smtp.Session, envelope: mail.Envelope, recipients: list[str]) -> dict[str, Answer]:
    """The dialogue from MAIL to the answer to the data. Blocks."""
    answers: dict[str, Answer] = {}
    try:
        size = [f"size={len(envelope.body)}"] if session.has_extn("size") else []
        code, said = session.mail(envelope.sender, size)
        if code != 250:
            return dict.fromkeys(recipients, refusal(code, said, "the sender"))
        for recipient in recipients:
            code, said = session.rcpt(recipient)
            if code not in (250, 251):
                answers[recipient] = refusal(code, said, "a recipient")
            if code == 421:
                raise smtp.Disconnected("421")
    except smtp.ERRORS as error:
        unsent = Problem("connection_failed", f"the mail server ended the dialogue before the mail was sent ({type(error).__name__})", "connection_failed", "connection")
        return {recipient: answers.get(recipient, unsent) for recipient in recipients}
    open_ones = [recipient for recipient in recipients if recipient not in answers]
    if open_ones:
        answer = _data(session, envelope)
        answers.update(dict.fromkeys(open_ones, answer))
    with contextlib.suppress(*smtp.ERRORS):
        session.quit()
    return answers


def _data(session: smtp.Session, envelope: mail.Envelope) -> Answer:
    try:
        code, said = session.data(envelope.body)
    except smtp.DataRefused as error:  # before the first byte
        said = error.smtp_error.encode() if isinstance(error.smtp_error, str) else error.smtp_error
        return refusal(error.smtp_code, said, "the mail")
    except TimeoutError:
        return Problem("timeout", "the mail server did not say in time whether it took the mail", "timeout", "timeout", unsure=True)
    except smtp.ERRORS:
        message = "the connection ended before the mail server said whether it took the mail"
        return Problem("connection_failed", message, "connection_lost", "connection", unsure=True)
    return Taken(envelope.message_id) if code == 250 else refusal(code, said, "the mail")


def refusal(code: int, said: bytes, what: str) -> Problem:
    """A mail server's no: 4xx is worth another try."""
    message = f"the mail server refuses {what} ({code}: {words(said.decode('utf-8', 'replace'))})"
    reason = {550: "unknown_recipient", 551: "unknown_recipient", 553: "unknown_recipient", 552: "too_large", 554: "rejected"}.get(code, f"smtp_{code}")
    return Problem("message_refused", message, reason, "connection" if 400 <= code < 500 else None)
