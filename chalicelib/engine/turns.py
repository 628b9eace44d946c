"""Rate limits of nodes and credentials: an effect that may not begin yet gets a turn, and waits for it without being held.

A turn is reserved in the database, once for each attempt, first come first served, and kept with the run (its `wake_at`, and SLOT_PORT for a port): nobody asks twice,
and whoever takes the execution up at that instant may begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.engine.nodes import Prepared
from chalicelib.engine.scopes import Missing
from chalicelib.engine.state import SLOT_PORT

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst


class Turns:
    """`pending` are attempts that are ready and must ask for a turn first."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self.pending: list[Prepared] = []

    def holds(self, prepared: Prepared) -> bool:
        """Whether an attempt must wait until a turn is reserved; one whose turn has come need not."""
        run, node = prepared.run, prepared.node
        if run.port == SLOT_PORT:
            run.port = None
            return False
        if node.rate_limit is None and not node.credentials:
            return False
        self.pending.append(prepared)
        return True

    async def reserve(self) -> None:
        """Get turns for all that are pending. What may begin at once does."""
        pending, self.pending = self.pending, []
        for prepared in pending:
            if prepared.run.status != "running":
                continue  # cut off meanwhile
            buckets = await self._buckets(prepared)
            if buckets:
                turn, now = await self._burst.tools.repository.reserve_turns(buckets)
                if turn > now:
                    prepared.run.port = SLOT_PORT
                    self._burst.attempts.lie_down(prepared.run, turn)
                    continue
            try:
                self._burst.attempts.go(prepared)
            except Missing as missing:
                self._burst.course.wanted |= missing.keys
                self._burst.attempts.blocked.append(prepared.run.key)

    async def _buckets(self, prepared: Prepared) -> list[dict[str, Any]]:
        node, state = prepared.node, self._burst.state
        found: dict[str, dict[str, Any]] = {}
        if node.rate_limit is not None:
            key = f"{state.workflow_id}.{node.id}"
            found[key] = {"key": key, "most": node.rate_limit.limit, "per": node.rate_limit.per_seconds}
        if node.credentials:
            limits = await self._burst.tools.repository.credential_limits(state.workspace_id)
            for ref in node.credentials:
                if ref in limits:
                    key, limit = limits[ref]
                    found[key] = {"key": key, "most": limit["limit"], "per": limit["per_seconds"]}
        return list(found.values())
