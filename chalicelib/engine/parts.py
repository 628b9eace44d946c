"""Loops with many items: hidden executions run INLINE_ITEMS of them each, a few executions at a time.

So no context grows with the number of items: the parent only knows which parts have ended, and reads their outputs when all have. A part is started by the save
that says in its parent's history that the loop runs, and tells its end in its own last save, as any child does (children.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from chalicelib.core.ids import new_id_after
from chalicelib.core.jsontext import dumps
from chalicelib.engine import open_loop
from chalicelib.engine.open_loop import Open
from chalicelib.engine.saves import Finish
from chalicelib.engine.scopes import Missing, pruned
from chalicelib.engine.state import ENDED, Key
from chalicelib.registry.spec import ActionError

if TYPE_CHECKING:
    from chalicelib.engine.burst import Burst
    from chalicelib.engine.loops import Loops

RESULTS_AT_A_TIME = 20


class Parts:
    """The parts of one execution's loops."""

    def __init__(self, burst: Burst) -> None:
        self._burst = burst
        self._course = burst.course
        self._errands: list[Open] = []  # loops whose parts are to be looked up, or have all ended
        self.orphaned: set[Key] = set()  # loops that were stopped before their parts had been looked up

    @property
    def _loops(self) -> Loops:
        return self._burst.loops

    @property
    def pending(self) -> bool:
        """Whether there is something that needs the database."""
        return bool(self._errands or self.orphaned)

    def open(self, loop: Open) -> None:
        """Start a loop's first parts, or look up those that an earlier worker started."""
        loop.parts = dict.fromkeys(range(0, len(loop.wish.items), open_loop.INLINE_ITEMS))
        self._errands.append(loop) if loop.key in self._loops.resumed else self._start_parts(loop)

    def abandon(self, loop: Open) -> None:
        """Cancel the parts that run."""
        for first, execution_id in (loop.parts or {}).items():
            if execution_id is not None and first not in loop.parts_ended:
                self._burst.children.tell_to_cancel(execution_id)

    async def find_orphans(self) -> None:
        """Tell the parts of loops that were stopped before anything was known of them."""
        if not self.orphaned:
            return
        orphaned, self.orphaned = self.orphaned, set()
        for part in await self._burst.tools.repository.parts(self._burst.state.execution_id):
            if part.key in orphaned and part.status not in ENDED:
                self._burst.children.tell_to_cancel(part.execution_id)

    async def run_errand(self) -> None:
        """Do one of them: find out about the parts an earlier worker started, or take over the outputs when all have ended."""
        await self.find_orphans()
        if not self._errands:
            return
        loop = self._errands.pop(0)
        if not self._loops.is_open(loop) or loop.parts is None:
            return
        if loop.key in self._loops.resumed:
            self._loops.resumed.discard(loop.key)
            await self._find_parts(loop)
            self._start_parts(loop)
        elif any(status != "succeeded" for status in loop.parts_ended.values()):
            await self._part_failed(loop)
        elif len(loop.parts_ended) == len(loop.parts):
            await self._collect(loop)

    async def _find_parts(self, loop: Open) -> None:
        assert loop.parts is not None
        parts = await self._burst.tools.repository.parts(self._burst.state.execution_id)
        self._burst.state.spent = sum(part.last_seq // 2 for part in parts if part.status in ENDED)
        for part in parts:
            if part.key == loop.key and part.first in loop.parts:
                loop.parts[part.first] = part.execution_id
                if part.status in ENDED:
                    loop.parts_ended[part.first] = part.status

    def ended(self, payload: dict[str, Any]) -> None:
        """A part has told its end."""
        loop = self._loops.at((payload["node_id"], payload["iteration"]))
        if loop is None or loop.parts is None or loop.key in self._loops.resumed or payload["part"] in loop.parts_ended:
            return  # a loop that is taken up again finds its parts in the rows
        loop.parts_ended[payload["part"]] = payload["status"]
        self._burst.state.spent += payload["last_seq"] // 2
        self._start_parts(loop)

    def _start_parts(self, loop: Open) -> None:
        """Start further parts while there is room; see to the end when there is something to see to."""
        assert loop.parts is not None
        if len(loop.parts_ended) == len(loop.parts) or any(status != "succeeded" for status in loop.parts_ended.values()):
            self._errands.append(loop)
            return
        width = math.ceil(loop.wish.max_parallel / open_loop.INLINE_ITEMS)
        waiting = [first for first, execution_id in loop.parts.items() if execution_id is None]
        running = len(loop.parts) - len(waiting) - len(loop.parts_ended)
        if not waiting or running >= width:
            return
        try:
            assert loop.node.body is not None
            values = {**self._course.names, **loop.around.extra, "nodes": loop.around.values}
            scope = pruned(loop.node.body.reads, values)
        except Missing as missing:
            self._course.wanted |= missing.keys
            self._errands.append(loop)
            self._loops.resumed.add(loop.key)
            return
        for first in waiting[: width - running]:
            loop.parts[first] = self._start_part(loop, first, math.ceil(loop.wish.max_parallel / width), scope)

    def _start_part(self, loop: Open, first: int, parallel: int, scope: dict[str, Any]) -> str:
        state = self._burst.state
        items = loop.wish.items[first : first + open_loop.INLINE_ITEMS]
        input = {"items": items, "max_parallel": parallel, "go_on": loop.wish.go_on, "scope": scope}
        child = {
            "id": new_id_after(state.execution_id),
            "workspace_id": state.workspace_id,
            "workflow_id": state.workflow_id,
            "definition_id": state.definition_id,
            "version": state.version,
            "trigger": "{}",
            "input": dumps(input),
            "key_origin": state.key_origin,
            "parent_id": state.execution_id,
            "parent_node": loop.node.id,
            "parent_iteration": loop.key[1],
            "part": first,
            "depth": state.depth,
        }
        self._course.links.starts.append(child)
        return str(child["id"])

    async def _collect(self, loop: Open) -> None:
        """All parts have succeeded: their outputs, in order, are the loop's."""
        assert loop.parts is not None
        ids = [execution_id for _, execution_id in sorted(loop.parts.items()) if execution_id is not None]
        outputs: list[Any] = []
        errors: list[dict[str, Any]] = []
        for at in range(0, len(ids), RESULTS_AT_A_TIME):
            some = ids[at : at + RESULTS_AT_A_TIME]
            results = await self._burst.tools.repository.results(some)
            for execution_id in some:
                output = results[execution_id].output
                if "end" in output:
                    self._course.finish = Finish("succeeded", output=output["end"])
                    return
                outputs += output["outputs"]
                errors += output["errors"]
        self._loops.succeed(loop, outputs, errors)

    async def _part_failed(self, loop: Open) -> None:
        """A part failed: so does the loop, or, when a node in it ended everything, the execution."""
        assert loop.parts is not None
        failed = next(first for first, status in sorted(loop.parts_ended.items()) if status != "succeeded")
        execution_id = loop.parts[failed] or ""
        result = (await self._burst.tools.repository.results([execution_id])).get(execution_id)
        error = dict(result.error) if result is not None and result.error else {"code": "cancelled", "message": "a part of the loop is gone"}
        run = self._burst.state.runs[loop.key]
        self._loops.abandon(run)
        if error.pop("ends", False):
            self._course.finish = Finish("failed", error=error)
            return
        self._burst.attempts.failed(run, ActionError(error["code"], error["message"], output={"node_id": error.get("node_id")}))
