"""Sending a message: its ledger rows first, then its providers in turn, then what became of it, recipient by recipient.

A second provider is asked only for recipients whom the one before has certainly not sent to. What may have been sent is `unknown`, and only the same provider
may try it again, when the node is retried.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from chalicelib.actions.messages.config import MessageConfig, distinct, invalid
from chalicelib.actions.messages.http_api import of_failure
from chalicelib.actions.messages.provider import Answer, Job, NotTaken, Problem, Provider, choose
from chalicelib.actions.messages.quiet import quiet_until
from chalicelib.core.egress import EgressDenied, InvalidUrl
from chalicelib.credentials.vault import Opened, borrow
from chalicelib.deliveries import repository, service
from chalicelib.deliveries.edge import before_sending, record
from chalicelib.deliveries.service import Earlier
from chalicelib.registry.spec import ActionError, Done, NodeContext, Sleep

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,60}")
SPARE_SECONDS = 2.0  # of the node's time, kept for the ledger


class Sending:
    """One run of a notifying node."""

    def __init__(self, ctx: NodeContext, config: Any, channel: str, providers: Sequence[Provider], recipients: Sequence[str]) -> None:
        self.ctx, self.config, self.channel, self.providers = ctx, config, channel, providers
        self.recipients = distinct(list(recipients))
        self.ends_at = time.monotonic() + max(ctx.timeout_seconds - SPARE_SECONDS, ctx.timeout_seconds / 2)
        self.ids: dict[str, str] = {}
        self.unsure_from: dict[str, Earlier] = {}
        self.done: dict[str, tuple[str, str | None, str, Mapping[str, Any]]] = {}  # provider, message id, status, extra
        self.problems: dict[str, tuple[str, Problem]] = {}

    async def run(self) -> Done | Sleep:
        """Done with `{provider, message_id, status, recipients}`; raises ActionError when somebody was not sent to and another attempt may help, or nobody was."""
        if not self.recipients:
            raise invalid("to: there is nobody to send to; every recipient is empty")
        if any(not each.isprintable() for each in self.recipients):
            raise invalid("to: a recipient may not hold line breaks or other control characters")
        until = await self._quiet()
        if until is not None:
            return Sleep(until)
        refs = [self.config.credential, *getattr(self.config, "fallback", ())]
        first, provider = await self._first(refs)
        accepted = await before_sending(lambda tx: service.accept(tx, self.ctx, self.channel, self.recipients, provider.name, first.id))
        self._remember(accepted)
        try:
            await self._try_all(refs, first)
        except asyncio.CancelledError:
            await self._cut_off()
            raise
        await self._record_failures()
        return self._outcome()

    async def _quiet(self) -> Any:
        quiet = self.config.quiet_hours if isinstance(self.config, MessageConfig) else None
        if quiet is None:
            return None
        return quiet_until(await before_sending(service.database_now), quiet)

    async def _first(self, refs: Sequence[str]) -> tuple[Opened, Provider]:
        """The first credential that can be had at all."""
        problem: ActionError | None = None
        for ref in refs:
            try:
                opened = await self._borrow(ref)
                return opened, choose(self.providers, opened)
            except ActionError as error:
                problem = problem or error
        assert problem is not None
        raise problem

    async def _borrow(self, ref: str) -> Opened:
        kinds = {name for provider in self.providers for name in provider.types}
        return await borrow(self.ctx, ref, kinds)

    def _remember(self, accepted: service.Accepted) -> None:
        self.ids = dict(accepted.ids)
        for recipient, earlier in accepted.earlier.items():
            if earlier.landed:
                self.done[recipient] = (earlier.provider, earlier.message_id, earlier.status, {})
            else:
                self.unsure_from[recipient] = earlier
        for recipient in self.recipients:
            if recipient not in self.ids and recipient not in self.done:
                self.problems[recipient] = ("", Problem("already_failed", "this attempt has failed before", "already_failed"))

    # -- providers in turn ---------------------------------------------------------------------------------------------------------

    async def _try_all(self, refs: Sequence[str], first: Opened) -> None:
        for position, ref in enumerate(refs):
            pending = [recipient for recipient in self.ids if self._may_go_on(recipient)]
            if not pending:
                return
            try:
                opened = await self._borrow(ref)
                provider = choose(self.providers, opened)
            except ActionError as error:
                self._note(pending, "", Problem(error.code, error.message, error.code, error.error_class))
                continue
            pending = [recipient for recipient in pending if self._may_go_to(recipient, opened)]
            if pending:
                if opened.id != first.id or position > 0:
                    await self._turn_to(pending, provider, opened)
                await self._try(provider, opened, pending)

    def _may_go_on(self, recipient: str) -> bool:
        if recipient in self.done:
            return False
        problem = self.problems.get(recipient)
        return problem is None or not problem[1].unsure

    def _may_go_to(self, recipient: str, opened: Opened) -> bool:
        """Whoever may have had the message from one provider gets it from no other."""
        earlier = self.unsure_from.get(recipient)
        if earlier is None or earlier.credential_id == opened.id:
            return True
        known = self.problems.get(recipient)
        if known is None:
            message = "an earlier attempt may have sent this through another credential, so it is not sent through this one"
            self.problems[recipient] = (earlier.provider, Problem("outcome_unknown", message, "outcome_unknown"))
        return False

    async def _turn_to(self, pending: Sequence[str], provider: Provider, opened: Opened) -> None:
        rows = [(self.ids[recipient], self.problems.get(recipient)) for recipient in pending]

        def turn(tx: Connection) -> None:
            for row_id, before in rows:
                tried = {"provider": before[0], "reason": before[1].reason, "detail": self.ctx.secrets.text(before[1].message)} if before else {}
                repository.turn_to(tx, row_id, provider.name, opened.id, tried)

        await before_sending(turn)

    async def _try(self, provider: Provider, opened: Opened, pending: Sequence[str]) -> None:
        job = Job(self.ctx, self.config, opened, pending, {each: self.ids[each] for each in pending}, self.ends_at)
        try:
            answers: Mapping[str, Answer] = await provider.send(job)
        except NotTaken as error:
            answers = dict.fromkeys(pending, error.problem)
        except ActionError as error:
            answers = dict.fromkeys(pending, Problem(error.code, error.message, error.code, error.error_class, error.retry_after))
        except (EgressDenied, InvalidUrl) as error:
            answers = dict.fromkeys(pending, of_failure(error))
        for recipient in pending:
            answer = answers.get(recipient) or Problem("provider_error", f"{provider.name} said nothing of this recipient", "no_answer", unsure=True)
            if isinstance(answer, Problem):
                self._note([recipient], provider.name, answer)
            else:
                self.done[recipient] = (provider.name, answer.message_id, answer.status, answer.extra)
                self.problems.pop(recipient, None)
        await self._hand(provider, opened, [each for each in pending if each in self.done])

    def _note(self, recipients: Sequence[str], provider: str, problem: Problem) -> None:
        if not _WORD.fullmatch(self.ctx.secrets.text(problem.reason)):  # a provider's own word may be anything, and figures are kept by it
            problem = replace(problem, reason=problem.code)
        for recipient in recipients:
            self.problems[recipient] = (provider, problem)

    # -- the ledger ----------------------------------------------------------------------------------------------------------------

    async def _hand(self, provider: Provider, opened: Opened, taken: Sequence[str]) -> None:
        rows = [(self.ids[each], self.done[each]) for each in taken]
        if not rows:
            return

        def hand(tx: Connection) -> None:
            for row_id, (_, message_id, status, _extra) in rows:
                repository.hand(tx, row_id, provider.name, opened.id, message_id, status)

        await record(self.ctx, hand)

    async def _record_failures(self) -> None:
        rows = [(self.ids[each], problem) for each, (_, problem) in self.problems.items() if each in self.ids]
        if rows:
            await record(self.ctx, lambda tx: self._settle(tx, rows))

    def _settle(self, tx: Connection, rows: Sequence[tuple[str, Problem]]) -> None:
        for row_id, problem in rows:
            detail = self.ctx.secrets.text(problem.message)[: service.MAX_DETAIL]
            repository.settle(tx, row_id, "unknown" if problem.unsure else "failed", problem.reason, detail)

    async def _cut_off(self) -> None:
        """Cut off while a provider was asked: whatever is still `accepted` may have been sent."""
        rows = [(row_id, Problem("timeout", "cut off while it was sent", "cut_off", unsure=True)) for each, row_id in self.ids.items() if each not in self.done]
        await record(self.ctx, lambda tx: self._settle(tx, rows))

    # -- the outcome ---------------------------------------------------------------------------------------------------------------

    def _outcome(self) -> Done:
        output = self._output()
        worth_it = [problem for _, problem in self.problems.values() if problem.error_class]
        if self.problems and (worth_it or not self.done):
            raise self._error(worth_it[0] if worth_it else next(iter(self.problems.values()))[1], output)
        return Done(output)

    def _error(self, problem: Problem, output: dict[str, Any]) -> ActionError:
        missed = len(self.problems)
        message = problem.message if missed == len(self.recipients) else f"{missed} of {len(self.recipients)} recipients were not sent to: {problem.message}"
        waits = [each.retry_after for _, each in self.problems.values() if each.retry_after]
        return ActionError(
            problem.code, message, error_class=problem.error_class, retry_after=max(waits, default=None), output=output if self.done else None
        )

    def _output(self) -> dict[str, Any]:
        first = next(iter(self.done.values()), ("", None, "failed", {}))
        statuses = {status for _, _, status, _ in self.done.values()}
        each = [self._line(recipient) for recipient in self.recipients]
        status = "delivered" if statuses == {"delivered"} and not self.problems else "accepted" if self.done else "failed"
        return {"provider": first[0], "message_id": first[1], "status": status, **first[3], "recipients": each}

    def _line(self, recipient: str) -> dict[str, Any]:
        if recipient in self.done:
            provider, message_id, status, _ = self.done[recipient]
            return {"recipient": recipient, "provider": provider, "message_id": message_id, "status": status}
        provider, problem = self.problems[recipient]
        status = "unknown" if problem.unsure else "failed"
        return {"recipient": recipient, "provider": provider, "message_id": None, "status": status, "reason": problem.reason, "error": problem.message}


OUTPUT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "provider": {"type": "string", "description": "Who took it."},
        "message_id": {"type": ["string", "null"], "description": "The provider's id of it."},
        "status": {"type": "string", "enum": ["accepted", "delivered", "failed"], "description": "`delivered` where the provider's answer says so at once."},
        "recipients": {"type": "array", "items": {"type": "object"}, "description": "Each recipient with provider, message_id, status and, where refused, reason and error."},
    },
    "required": ["provider", "message_id", "status"],
}
