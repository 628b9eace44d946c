"""Group commit: the saves of all executions in flight in one worker go to PostgreSQL in one statement at a time.

While one flush is under way the next gathers, so an execution costs a fraction of a commit. A save whose acknowledgement was lost is never simply repeated:
its row is read first. The epoch rises with every save, so one that did land is recognised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from chalicelib.core.clock import to_text
from chalicelib.core.jsontext import dumps
from chalicelib.engine import statements
from chalicelib.engine.database import AsyncConnection, is_transient
from chalicelib.engine.places import Place, locking, releasing

log = logging.getLogger("millrace.engine")

MAX_ROWS = 500
MAX_BYTES = 4_000_000
PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0)


class LeaseLost(Exception):
    """Somebody else holds the execution now, or it has ended. A normal outcome: stop, and leave it to them."""


class PersistFailed(Exception):
    """This save alone cannot be written, however often it is sent."""


@dataclass(slots=True)
class Finish:
    """How an execution ends."""

    status: Literal["succeeded", "failed", "cancelled"]
    output: Any = None
    error: dict[str, Any] | None = None


@dataclass(slots=True)
class Links:
    """What a save does to other executions, and to what others look up, in the same statement: executions it `starts`, signals it `sends`, the error it is
    undoing (`mark`), events it begins to wait for (`waits`). Rows as dictionaries of columns."""

    starts: list[dict[str, Any]] = field(default_factory=list)
    sends: list[dict[str, Any]] = field(default_factory=list)
    waits: list[dict[str, Any]] = field(default_factory=list)
    mark: str | None = None
    listens: bool = False  # it waits for events, or did: its end removes what is left of that

    def with_more(self, other: Links | None) -> Links:
        """Both together."""
        if other is None:
            return self
        return Links(
            [*self.starts, *other.starts],
            [*self.sends, *other.sends],
            [*self.waits, *other.waits],
            self.mark or other.mark,
            self.listens or other.listens,
        )

    def __bool__(self) -> bool:
        return bool(self.starts or self.sends or self.waits or self.mark or self.listens)


@dataclass(slots=True)
class Save:
    """One execution's part of a flush. `runs` are rows as dictionaries of columns, payloads already JSON text."""

    execution_id: str
    epoch: int
    seen: int
    hold: bool
    next_at: datetime | None = None
    finish: Finish | None = None
    last_seq: int = 0
    started_at: datetime | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)
    strict: bool = False  # lands only if every signal was seen
    links: Links | None = None
    slot: tuple[str, str] | None = None  # (workflow, concurrency key) of a place that its end frees
    future: asyncio.Future[SaveResult] | None = None

    def size(self) -> int:
        """About how many bytes it adds to a statement."""
        starts = sum(400 + len(start["input"]) for start in self.links.starts) if self.links else 0
        return 300 + starts + sum(200 + sum(len(run[name] or "") for name in ("input", "output", "error")) for run in self.runs)

    def recipients(self) -> set[str]:
        """The executions it tells something."""
        return {send["recipient"] for send in self.links.sends} if self.links else set()

    def as_json(self) -> dict[str, Any]:
        """A row of the statement's `saves`."""
        finish = self.finish
        return {
            "id": self.execution_id,
            "epoch": self.epoch,
            "seen": self.seen,
            "next_at": to_text(self.next_at),
            "hold": self.hold,
            "final": finish is not None,
            "strict": self.strict,
            "status": finish.status if finish else None,
            "output": dumps(finish.output) if finish and finish.status == "succeeded" else None,
            "error": dumps(finish.error) if finish and finish.error is not None else None,
            "last_seq": self.last_seq,
            "started_at": to_text(self.started_at),
        }


@dataclass(frozen=True, slots=True)
class SaveResult:
    """`landed` False: a final save found signals it had not seen; read the inbox and plan again. `signals` is the counter now."""

    landed: bool
    epoch: int
    signals: int


class Flusher:
    """Collects saves and writes them, one statement at a time."""

    def __init__(
        self, connection: AsyncConnection, worker_id: str, lease_seconds: float, on_due: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._worker_id = worker_id
        self._lease = lease_seconds
        self._on_due = on_due  # other executions may be due now
        self._queue: list[Save] = []
        self._task: asyncio.Task[None] | None = None

    async def save(self, save: Save) -> SaveResult:
        """Write one save with whatever else is waiting. Raises LeaseLost or PersistFailed; goes on through database outages."""
        save.future = asyncio.get_running_loop().create_future()
        self._queue.append(save)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return await save.future

    async def drain(self) -> None:
        """Wait until nothing is left to write."""
        while self._task is not None and not self._task.done():
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        while self._queue:
            batch = self._take()
            try:
                await self._flush(batch)
            except Exception as error:  # never leave a waiter without an answer
                log.exception("a flush failed in a way that was not foreseen")
                for save in batch:
                    _answer(save, PersistFailed(str(error)))

    def _take(self) -> list[Save]:
        rows = size = 0
        batch: list[Save] = []
        told: set[str] = set()
        while self._queue and (not batch or (rows < MAX_ROWS and size < MAX_BYTES)):
            save = self._queue[0]
            if save.execution_id in told or any(other.execution_id in save.recipients() for other in batch):
                break  # one statement changes a row once: what tells an execution something, and that one's own save, go apart
            self._queue.pop(0)
            rows += 1 + len(save.runs)
            size += save.size()
            told |= save.recipients()
            batch.append(save)
        return batch

    async def _flush(self, batch: Sequence[Save]) -> None:
        """Send, and after a failure with unknown effect find out before sending again, for as long as it takes: the leases' deadlines end the waiting."""
        pending = list(batch)
        for attempt in range(10_000):
            try:
                rows = await self._send(pending)
            except Exception as error:
                if not is_transient(error):
                    await self._one_by_one(pending, error)
                    return
                log.warning("saving %d executions again: %s", len(pending), type(error).__name__)
                await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
                pending = await self._still_to_send(pending)
                if not pending:
                    return
                continue
            await self._answer_all(pending, rows)
            return

    async def _send(self, saves: Sequence[Save]) -> dict[str, dict[str, Any]]:
        params = {
            "saves": dumps([save.as_json() for save in saves]),
            "runs": dumps([run for save in saves for run in save.runs]),
            "lease": self._lease,
        }
        linked = [save for save in saves if save.links]
        placed = [save for save in saves if save.slot is not None]
        if not linked and not placed:
            return {row["execution_id"]: row for row in await self._connection.execute(statements.SAVE, params)}
        sql = statements.SAVE_LINKED if linked else statements.SAVE
        wanted = {**params, **_linked(linked)} if linked else params
        if placed:
            rows = await self._release(placed, (sql, wanted))
        else:
            rows = await self._connection.execute(sql, wanted)
        self._on_due()
        return {row["execution_id"]: row for row in rows}

    async def _release(self, placed: Sequence[Save], saving: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Save executions that hold places, and hand the places of those that have ended on, in one transaction."""
        places = [Place(*save.slot) for save in placed if save.slot is not None]
        ids = [save.execution_id for save in placed]
        answers = await self._connection.transaction([locking(places), saving, *releasing(ids, places)])
        return answers[1]

    async def _answer_all(self, saves: Sequence[Save], rows: dict[str, dict[str, Any]]) -> None:
        refused = []
        for save in saves:
            row = rows.get(save.execution_id)
            if row is not None:
                _answer(save, SaveResult(True, row["lease_epoch"], row["signals"]))
            else:
                refused.append(save)
        if refused:
            await self._explain(refused)

    async def _explain(self, refused: Sequence[Save]) -> None:
        """Nothing was written for these: either the lease is gone, or a final save has not seen every signal."""
        now = await self._read(refused)
        for save in refused:
            row = now.get(save.execution_id)
            if row is not None and row["lease_epoch"] == save.epoch and row["worker"] == self._worker_id:
                _answer(save, SaveResult(False, save.epoch, row["signals"]))
            else:
                _answer(save, LeaseLost(save.execution_id))

    async def _still_to_send(self, saves: Sequence[Save]) -> list[Save]:
        """After a lost acknowledgement: answer those that landed or are no longer ours, return those that did not land."""
        now = await self._read(saves)
        again = []
        for save in saves:
            row = now.get(save.execution_id)
            if row is None:  # ended: by this very save, or by whoever took over
                _answer(save, SaveResult(True, save.epoch, save.seen) if save.finish else LeaseLost(save.execution_id))
            elif row["lease_epoch"] == save.epoch and row["worker"] == self._worker_id:
                again.append(save)
            elif row["lease_epoch"] == save.epoch + 1 and row["worker"] == (self._worker_id if save.hold else None):
                _answer(save, SaveResult(True, save.epoch + 1, row["signals"]))
            else:
                _answer(save, LeaseLost(save.execution_id))
        return again

    async def _read(self, saves: Sequence[Save]) -> dict[str, dict[str, Any]]:
        for attempt in range(10_000):
            try:
                rows = await self._connection.execute(statements.READ_WAKES, {"ids": [save.execution_id for save in saves]})
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
                continue
            return {row["execution_id"]: row for row in rows}
        raise TimeoutError("the database did not come back")

    async def _one_by_one(self, saves: Sequence[Save], error: Exception) -> None:
        """Something in the batch cannot be written: each in a statement of its own, so that the offender harms nobody else."""
        if len(saves) == 1:
            log.error("an execution cannot be saved: %s", error, extra={"execution_id": saves[0].execution_id})
            _answer(saves[0], PersistFailed(str(error).splitlines()[0]))
            return
        for save in saves:
            await self._flush([save])


def _linked(saves: Sequence[Save]) -> dict[str, str]:
    """The parameters that SAVE_LINKED has over SAVE."""
    found: dict[str, list[dict[str, Any]]] = {"starts": [], "sends": [], "waits": [], "marks": []}
    for save in saves:
        assert save.links is not None
        own = {"id": save.execution_id, "error": save.links.mark}
        found["starts"] += [{**start, "parent": save.execution_id} for start in save.links.starts]
        found["sends"] += [{**send, "sender": save.execution_id} for send in save.links.sends]
        found["waits"] += save.links.waits
        found["marks"] += [own] if save.links.mark else []
    return {name: dumps(rows) for name, rows in found.items()}


def _answer(save: Save, answer: SaveResult | Exception) -> None:
    future = save.future
    if future is None or future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
