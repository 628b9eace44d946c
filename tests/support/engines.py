"""A real worker on a real database, with one extra node type whose effect the test decides."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic import Field

from chalicelib.engine.worker import Worker, WorkerOptions
from chalicelib.registry.catalogue import ActionCatalogue, catalogue
from chalicelib.registry.spec import ActionSpec, Config, Done, NodeContext
from tests.support.workflows import Database

Effect = Callable[[NodeContext, Any], Awaitable[Any]]


class EffectConfig(Config):
    """What the test's effect is given."""

    value: Any = None
    credential: str | None = Field(None, json_schema_extra={"format": "credential"})


class Effects:
    """The test's effect: by default it returns its value. Every call is noted as (node, attempt, key, value)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, str, Any]] = []
        self.behaviour: Effect | None = None

    async def run(self, ctx: NodeContext, config: EffectConfig) -> Done:
        """Note the call, then behave."""
        self.calls.append((ctx.node_id, ctx.attempt, ctx.idempotency_key, config.value))
        if self.behaviour is None:
            return Done(config.value)
        return Done(await self.behaviour(ctx, config.value))

    def catalogue(self) -> ActionCatalogue:
        """The built-in types and `test.effect`."""
        spec = ActionSpec("test.effect", "Effect", "A test's effect.", "action", "bolt", EffectConfig, self.run)
        known = {name: catalogue().get(name) for name in catalogue().types()}
        return ActionCatalogue({**{name: found for name, found in known.items() if found}, spec.type: spec})


class EngineRun:
    """Runs workers until the executions of a test have ended."""

    def __init__(self, database: Database, redis_url: str, effects: Effects) -> None:
        self.database, self.redis_url, self.effects = database, redis_url, effects

    def worker(self, **options: Any) -> Worker:
        """A worker of this test; short polls, so that tests are quick."""
        known = {"poll_seconds": 0.05, "lease_seconds": 30.0, **options}
        return Worker(WorkerOptions(self.database.url, self.redis_url, types=self.effects.catalogue(), **known))

    def until_ended(self, *execution_ids: str, workers: int = 1, seconds: float = 20.0, **options: Any) -> list[Mapping[str, Any]]:
        """Run until all have ended; returns their rows, payloads parsed."""

        async def go() -> None:
            running = [self.worker(**options) for _ in range(workers)]
            tasks = [asyncio.create_task(worker.run()) for worker in running]
            try:
                async with asyncio.timeout(seconds):
                    while self._alive(execution_ids):
                        await asyncio.sleep(0.02)
            finally:
                await asyncio.gather(*(worker.stop(grace=0.2) for worker in running))
                await asyncio.gather(*tasks)
                await asyncio.gather(*(worker.close() for worker in running))

        asyncio.run(go())
        return [self.execution(execution_id) for execution_id in execution_ids]

    def drain(self, seconds: float = 5.0, **options: Any) -> None:
        """What a Lambda engine does: go on until nothing is due."""

        async def go() -> None:
            worker = self.worker(**options)
            try:
                await worker.drain(seconds)
            finally:
                await worker.close()

        asyncio.run(go())

    def _alive(self, execution_ids: tuple[str, ...]) -> bool:
        return bool(
            self.database.one("SELECT count(*) AS n FROM wakes WHERE execution_id = ANY(%(ids)s)", ids=list(execution_ids))["n"]
        )

    def execution(self, execution_id: str) -> Mapping[str, Any]:
        """The execution's row, payloads parsed."""
        row = dict(self.database.one("SELECT * FROM executions WHERE id = %(id)s", id=execution_id))
        return {**row, **{name: json.loads(row[name]) if row[name] else None for name in ("input", "output", "error")}}

    def history(self, execution_id: str) -> list[tuple[str, int, str]]:
        """(node, attempt, status) in the order things began."""
        rows = self.database.execute(
            "SELECT node_id, attempt, status FROM node_runs WHERE execution_id = %(id)s ORDER BY started_seq", {"id": execution_id}
        )
        return [(row["node_id"], row["attempt"], row["status"]) for row in rows]

    def outputs(self, execution_id: str) -> dict[str, Any]:
        """Output by node of what succeeded."""
        rows = self.database.execute(
            "SELECT node_id, output FROM node_runs WHERE execution_id = %(id)s AND status = 'succeeded'", {"id": execution_id}
        )
        return {row["node_id"]: json.loads(row["output"]) for row in rows}
