"""Graphs and execution contexts without PostgreSQL: compiled graphs in this process, definitions and parked executions in Redis.

A context is kept with the epoch of the save that produced it, and written only after that save was acknowledged. A claimer that was given epoch e may use a
context of epoch e - 1 and nothing else; anything missing or odd is a miss, and the rows are read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from chalicelib.core.cache_async import AsyncCache
from chalicelib.core.jsontext import dumps
from chalicelib.definitions.graph import Graph, compile_graph
from chalicelib.definitions.schema import parse_definition
from chalicelib.engine.repository import Claim
from chalicelib.engine.state import ExecutionState
from chalicelib.registry.catalogue import ActionCatalogue
from chalicelib.registry.custom import specs_of

log = logging.getLogger("millrace.engine")

GRAPHS_KEPT = 500
DEFINITION_TTL_SECONDS = 86400
CONTEXT_TTL_SECONDS = 7 * 86400
CONTEXT_MAX_BYTES = 1_000_000


class DefinitionUnusable(Exception):
    """The pinned definition is missing or this version of Millrace cannot run it."""


def definition_key(definition_id: str) -> str:
    """Where Redis keeps an immutable definition's body."""
    return f"definition:{definition_id}"


def context_key(execution_id: str) -> str:
    """Where Redis keeps a parked execution."""
    return f"context:{execution_id}"


class Graphs:
    """Compiled graphs by definition id; definitions never change, so nothing is ever stale."""

    def __init__(self, cache: AsyncCache, catalogue: ActionCatalogue, read: Callable[[str], Awaitable[str | None]]) -> None:
        self._cache, self._catalogue, self._read = cache, catalogue, read
        self._graphs: OrderedDict[str, tuple[Graph, ActionCatalogue]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[tuple[Graph, ActionCatalogue]]] = {}  # a claim of 64 executions asks 64 times at once

    async def get(self, definition_id: str) -> tuple[Graph, ActionCatalogue]:
        """The compiled graph, and the node types it was compiled with. Raises DefinitionUnusable."""
        found = self._graphs.get(definition_id)
        if found is None:
            found = await self._load(definition_id)
        else:
            self._graphs.move_to_end(definition_id)
        return found

    async def _load(self, definition_id: str) -> tuple[Graph, ActionCatalogue]:
        loading = self._loading.get(definition_id)
        if loading is None:
            loading = self._loading[definition_id] = asyncio.create_task(self._read_and_compile(definition_id))
            loading.add_done_callback(lambda _task: self._loading.pop(definition_id, None))
        return await asyncio.shield(loading)  # who is cancelled leaves the others their graph

    async def _read_and_compile(self, definition_id: str) -> tuple[Graph, ActionCatalogue]:
        found = self._graphs[definition_id] = self._compile(await self._body(definition_id))
        if len(self._graphs) > GRAPHS_KEPT:
            self._graphs.popitem(last=False)
        return found

    async def _body(self, definition_id: str) -> str:
        cached = (await self._cache.get_many([definition_key(definition_id)]))[0]
        if cached is not None:
            return cached.decode()
        body = await self._read(definition_id)
        if body is None:
            raise DefinitionUnusable(f"definition {definition_id} does not exist")
        await self._cache.set(definition_key(definition_id), body, DEFINITION_TTL_SECONDS)
        return body

    def _compile(self, text: str) -> tuple[Graph, ActionCatalogue]:
        try:
            body, _, actions = text.partition("\n")
            types = self._catalogue.with_types(specs_of(actions)) if actions else self._catalogue
            return compile_graph(parse_definition(json.loads(body)), types), types
        except Exception as error:
            raise DefinitionUnusable(f"this version of Millrace cannot run the definition: {error}") from error


class Contexts:
    """Parked executions in Redis."""

    def __init__(self, cache: AsyncCache) -> None:
        self._cache = cache

    async def find(self, claims: Sequence[Claim]) -> dict[str, ExecutionState]:
        """The states of those claims whose context is there and is of the epoch just before the claim's."""
        resumed = [claim for claim in claims if claim.epoch > 1 and not claim.lost]
        found = {}
        blobs = await self._cache.get_many([context_key(claim.execution_id) for claim in resumed])
        for claim, blob in zip(resumed, blobs, strict=True):
            if blob is None:
                continue
            try:
                data = json.loads(blob)
                if data["epoch"] == claim.epoch - 1:
                    found[claim.execution_id] = ExecutionState.from_json(data["state"])
            except (ValueError, TypeError, KeyError) as error:
                log.warning("a cached context cannot be read, the rows are used: %s", error)
        return found

    async def keep(self, state: ExecutionState, epoch: int, until: datetime, now: datetime) -> bool:
        """Keep a parked execution until a while after its timer; whether it was kept."""
        if not self._cache.on:
            return False
        blob = dumps({"epoch": epoch, "state": state.as_json()})
        if len(blob) > CONTEXT_MAX_BYTES:
            return False
        ttl = min(CONTEXT_TTL_SECONDS, max(0, int((until - now).total_seconds())) + 3600)
        await self._cache.set(context_key(state.execution_id), blob, ttl)
        return True

    async def forget(self, execution_id: str) -> None:
        """The execution has ended."""
        await self._cache.delete(context_key(execution_id))
