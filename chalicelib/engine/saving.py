"""Saving one execution: what has changed since the last save, as one part of a group commit."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.engine.history import error_of, run_row
from chalicelib.engine.saves import Finish, Links, PersistFailed, Save
from chalicelib.engine.state import NodeRun

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


class Saving:
    """The saves of one burst."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst

    async def checkpoint(self) -> None:
        """Make everything so far durable and keep the lease."""
        self._burst.course.dirty = False
        await self.save(hold=True)

    async def save(
        self,
        *,
        hold: bool,
        next_at: datetime | None = None,
        finish: Finish | None = None,
        ending: Links | None = None,
        closing: NodeRun | None = None,
    ) -> bool:
        """Write what has changed. With `closing`, a run that an answer from outside could still end otherwise, it lands only if every signal was seen; a save
        that ends the execution always does so. Returns whether it landed."""
        burst, course = self._burst, self._burst.course
        touched, course.touched = course.touched, {}
        links, course.links = course.links, Links(listens=course.links.listens)
        sent_at = time.monotonic()
        save = Save(
            burst.state.execution_id,
            burst.held.epoch,
            burst.incoming.seen,
            hold,
            next_at,
            finish,
            last_seq=burst.state.next_seq() if finish else 0,
            started_at=burst.state.started_at,
            runs=[run_row(burst.state, run) for run in touched.values()],
            strict=closing is not None,
            links=links.with_more(ending) or None,
            slot=self._slot if finish else None,
        )
        if closing is not None:
            save.runs.append(run_row(burst.state, closing))
        burst.held.saving = True
        try:
            result = await burst.tools.flusher.save(save)
        finally:
            burst.held.saving = False
        burst.held.epoch, burst.held.signals = result.epoch, result.signals
        if not result.landed:
            course.touched = {**touched, **course.touched}
            course.links = links.with_more(course.links)
        elif hold:
            burst.tools.extend(burst.held, sent_at)
        if hold and burst.incoming.unread:
            await burst.incoming.read()
        return result.landed

    @property
    def _slot(self) -> tuple[str, str] | None:
        place = self._burst.admission.place
        return None if place is None else (place.workflow_id, place.key)

    async def give_up(self, error: PersistFailed) -> None:
        """History cannot be written as it is: end the execution with that said, and nothing else."""
        message = f"the execution's history could not be stored: {error}"
        self._burst.course.finish = Finish("failed", error=error_of("engine.persist_failed", message))
        self._burst.course.touched, self._burst.course.links = {}, Links()
        await self.save(hold=False, finish=self._burst.finish, ending=self._burst.children.report(self._burst.course.finish))
