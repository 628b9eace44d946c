"""Where a sending action meets the ledger: what must be written before it sends, and what is written after the fact."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from chalicelib.core.errors import MillraceError
from chalicelib.deliveries import service
from chalicelib.registry.spec import ActionError, NodeContext

log = logging.getLogger("millrace.messages")

TRIES = 3
T = TypeVar("T")


async def before_sending(work: Callable[[Connection], T]) -> T:
    """Ledger work that must be done before anything is sent. Raises ActionError: ledger_unavailable, already_being_sent (both of class connection)."""
    try:
        return await service.in_transaction(work)
    except MillraceError as error:
        raise ActionError("ledger_unavailable", error.detail, error_class="connection") from None
    except IntegrityError:
        message = "another run is sending the same message at this moment; it is not sent twice"
        raise ActionError("already_being_sent", message, error_class="connection") from None
    except DBAPIError as error:
        message = f"the delivery ledger could not be written, so nothing was sent ({type(error).__name__})"
        raise ActionError("ledger_unavailable", message, error_class="connection") from None


async def record(ctx: NodeContext, work: Callable[[Connection], object]) -> None:
    """Ledger work after the fact. What was sent has been sent: when the ledger cannot be written the row stays `accepted`, and the node goes on."""
    for tries_left in range(TRIES - 1, -1, -1):
        try:
            await service.in_transaction(work)
            return
        except Exception as error:
            if tries_left == 0:
                log.warning("the delivery ledger could not be written: %s", type(error).__name__, extra={"execution_id": ctx.execution_id})
            else:
                await asyncio.sleep(0.2)
