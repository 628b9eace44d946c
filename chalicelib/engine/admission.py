"""Concurrency keys: who may run, decided at the first claim, and handed on in the transaction that ends the holder.

Admitting and releasing both lock the key's row first, and only then look: under READ COMMITTED a decision made on what was seen before the lock would leave a
place empty with somebody waiting for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import compile_template
from chalicelib.core.jsontext import dumps
from chalicelib.engine.database import is_transient
from chalicelib.engine.history import error_of
from chalicelib.engine.places import PARK, TAKE_PLACE, TELL_HOLDERS, Place, locking
from chalicelib.engine.saves import Finish
from chalicelib.engine.scopes import make_scope

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst

MAX_KEY = 500


class Admission:
    """The concurrency key of one execution."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.place: Place | None = None

    async def enter(self) -> bool:
        """Take a place, or wait for one. False: it was parked, and is no longer held. May end the execution, which then has `finish`."""
        limit = self._burst.graph.settings.concurrency
        if limit is None or self._burst.state.part is not None:
            return True
        self.place = self._place(limit.key)
        if self.place is None or self._burst.state.admitted or self._burst.finish is not None:
            return True
        while True:
            if self._burst.incoming.unread:
                await self._burst.incoming.read()
            if self._burst.finish is not None:
                return True
            held, parked = await self._ask(limit.limit, limit.on_limit)
            if held:
                self._burst.state.admitted = True
                return True
            if parked:
                return False
            if limit.on_limit in ("skip", "fail"):
                self._turn_away(limit.on_limit)
                return True
            await self._burst.incoming.look_again()  # a signal came in between, or the lease is lost

    def _place(self, template: str) -> Place | None:
        burst = self._burst
        try:
            scope = make_scope({**burst.course.names, "nodes": {}}, burst.state.started_at, f"{burst.state.key_origin}.concurrency")
            value = compile_template(template).render(scope)
        except ExpressionError as error:
            message = f"settings.concurrency.key: {error.detail}"
            burst.course.finish = Finish("failed", error=error_of(error.code, message))
            return None
        key = value if isinstance(value, str) else dumps(value)
        if len(key) > MAX_KEY:
            burst.course.finish = Finish("failed", error=error_of("invalid_config", f"a concurrency key has at most {MAX_KEY} characters"))
            return None
        return Place(burst.state.workflow_id, key.replace("\x00", "\\u0000"))

    async def _ask(self, places: int, on_limit: str) -> tuple[bool, bool]:
        assert self.place is not None
        burst = self._burst
        ids = {"id": burst.state.execution_id, **self.place.as_json()}
        queue = on_limit in ("queue", "replace")
        wanted = [
            locking([self.place]),
            (TAKE_PLACE, {**ids, "places": places}),
            (PARK, {**ids, "epoch": burst.held.epoch, "seen": burst.incoming.seen, "queue": queue}),
            (TELL_HOLDERS, {**ids, "replace": on_limit == "replace"}),
        ]
        while True:
            try:
                answers = await burst.tools.repository.transaction(wanted)
                return bool(answers[1][0]["held"]), bool(answers[2])
            except Exception as error:
                if not is_transient(error):
                    raise
                await burst.incoming.look_again()  # parked after all, or not: asking again gives the same answer

    def _turn_away(self, on_limit: str) -> None:
        assert self.place is not None
        message = f"as many executions with the concurrency key {self.place.key[:80]!r} run as may (settings.concurrency)"
        error = error_of("concurrency_limit", message)
        self._burst.course.finish = Finish("failed" if on_limit == "fail" else "cancelled", error=error)
