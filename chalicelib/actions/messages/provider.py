"""What a provider of messages is: it takes one rendered message to recipients and says of each whether it took it, did not, or may have."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from chalicelib.core.egress import EgressDenied, InvalidUrl
from chalicelib.core.http import HttpClient, http_client
from chalicelib.credentials.vault import Opened
from chalicelib.registry.spec import ActionError, NodeContext


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has taken the message; `delivered` where its answer says that it has arrived."""

    message_id: str | None
    status: Literal["accepted", "delivered"] = "accepted"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """The message was not taken, or (`unsure`) may have been. `reason` is a short stable word for figures; class and retry_after as ActionError has them."""

    code: str
    message: str
    reason: str
    error_class: str | None = None
    retry_after: float | None = None
    unsure: bool = False


Answer = Taken | Problem


class NotTaken(Exception):
    """A provider's problem with the whole message, on its way up to `attempt`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class Job:
    """One message for one provider: the node's config, the credential lent for it, the recipients still to be sent to and their ledger rows."""

    ctx: NodeContext
    config: Any
    credential: Opened
    recipients: Sequence[str]
    deliveries: Mapping[str, str]  # row ids by recipient
    ends_at: float  # monotonic

    def key_for(self, recipient: str) -> str:
        """The Idempotency-Key of a message of one recipient's own: the same on every attempt, another for each recipient."""
        return f"{self.ctx.idempotency_key}.{hashlib.sha256(recipient.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"

    @property
    def seconds(self) -> float:
        """The time left, at least a little."""
        return max(0.1, self.ends_at - time.monotonic())

    @property
    def client(self) -> HttpClient:
        """The event loop's guarded HTTP client."""
        given: HttpClient | None = self.ctx.clients.get("http")
        return given or http_client()


class Provider(Protocol):
    """One way to send messages of one channel. `types` are the credential types (or kinds) that mean it."""

    @property
    def name(self) -> str:
        """As the ledger knows it."""

    @property
    def channel(self) -> str:
        """Of which channel."""

    @property
    def types(self) -> tuple[str, ...]:
        """Credential types or kinds."""

    async def send(self, job: Job) -> Mapping[str, Answer]:
        """Send once, to all recipients; an answer for each. Raises NotTaken for what concerns all of them, ActionError for a message it cannot carry."""


async def one_by_one(job: Job, send_one: Any, at_once: int = 5) -> dict[str, Answer]:
    """Answers of a provider that takes a message for each recipient."""
    turns = asyncio.Semaphore(at_once)

    async def answer(recipient: str) -> Answer:
        async with turns:
            try:
                found: Answer = await send_one(job, recipient)
                return found
            except NotTaken as error:
                return error.problem
            except (EgressDenied, InvalidUrl) as error:
                return Problem(error.code, error.detail, error.code)
            except ActionError as error:
                return Problem(error.code, error.message, error.code, error.error_class, error.retry_after)

    answers = await asyncio.gather(*(answer(recipient) for recipient in job.recipients))
    return dict(zip(job.recipients, answers, strict=True))


def choose(providers: Sequence[Provider], credential: Opened) -> Provider:
    """The channel's provider for a credential. Raises ActionError `credential_wrong_type`."""
    for provider in providers:
        if credential.spec.type in provider.types:
            return provider
    for provider in providers:
        if credential.spec.kind in provider.types:
            return provider
    wanted = ", ".join(sorted({name for provider in providers for name in provider.types}))
    message = f"the credential {credential.name!r} is of type {credential.spec.type}; this node needs one of: {wanted}"
    raise ActionError("credential_wrong_type", message)
