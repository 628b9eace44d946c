"""The engine's rows: claiming, loading, renewing. Saving is in saves.py. All of it across workspaces, by the engine's own role."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.engine import statements
from chalicelib.engine.database import AsyncConnection, is_transient
from chalicelib.engine.state import ENDED, LARGE_BYTES, ExecutionState, Key, NodeRun
from chalicelib.engine.targets import Target, target_of

__all__ = ["Claim", "EngineRepository", "Part", "Result", "Signal", "Target"]

LEASE_SECONDS = 30.0
LIMITS_REMEMBERED_SECONDS = 5.0
READ_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease won: `epoch` guards every save, `lost` says that the worker before vanished, `due_at` is when the execution was due, `now` the database's clock at
    the claim."""

    execution_id: str
    epoch: int
    signals: int
    recoveries: int
    lost: bool
    due_at: datetime
    started_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Signal:
    """One entry of the inbox."""

    kind: str
    key: str
    payload: Any
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Part:
    """A hidden execution that runs the items of a loop from `first` on."""

    execution_id: str
    key: Key
    first: int
    status: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class Result:
    """How an execution ended."""

    status: str
    output: Any
    error: dict[str, Any] | None


class EngineRepository:
    """Reads and leases for one worker."""

    def __init__(self, connection: AsyncConnection, worker_id: str, lease_seconds: float = LEASE_SECONDS) -> None:
        self._connection = connection
        self._worker_id = worker_id
        self._lease = lease_seconds
        self._limits: dict[str, tuple[dict[str, tuple[str, dict[str, Any]]], float]] = {}

    async def claim(self, limit: int, *, fairly: bool = False, floor: datetime | None = None) -> list[Claim]:
        """Take up to `limit` executions that are due (since `floor`, if one is given), none of which is anybody else's until the lease ends: the oldest, or
        `fairly` an equal share of every workflow that has something due."""
        params = {"n": limit, "lease": self._lease, "me": self._worker_id, "floor": floor or "-infinity"}
        # By turns the plan must be made each time: one for any floor and limit reads the whole queue for each lane, 130 ms of 100,000 in place of 0.6.
        rows = await self._connection.execute(statements.CLAIM_FAIRLY if fairly else statements.CLAIM, params, replan=fairly)
        return [
            Claim(
                row["execution_id"],
                row["lease_epoch"],
                row["signals"],
                row["recoveries"],
                row["lost"],
                row["due_at"],
                row["started_at"],
                row["now"],
            )
            for row in rows
        ]

    async def renew(self, held: Sequence[tuple[str, int]]) -> dict[str, int]:
        """Extend leases given as (id, epoch); returns the signal counters of those that are still ours."""
        ids, epochs = [item[0] for item in held], [item[1] for item in held]
        params = {"ids": ids, "epochs": epochs, "lease": self._lease, "me": self._worker_id}
        return {row["execution_id"]: row["signals"] for row in await self._connection.execute(statements.RENEW, params)}

    async def _read(self, sql: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A statement that changes nothing, again when the connection breaks."""
        for pause in READ_PAUSES:
            try:
                return await self._connection.execute(sql, params)
            except Exception as error:
                if not is_transient(error):
                    raise
                await asyncio.sleep(pause)
        return await self._connection.execute(sql, params)

    async def signals(self, ids: Sequence[str]) -> dict[str, int]:
        """The signal counters of executions that have not ended."""
        rows = await self._connection.execute(statements.READ_WAKES, {"ids": list(ids)})
        return {row["execution_id"]: row["signals"] for row in rows}

    async def load(self, claims: Sequence[Claim]) -> dict[str, ExecutionState]:
        """The states of claimed executions, from the rows."""
        ids = [claim.execution_id for claim in claims]
        started = {claim.execution_id: claim.started_at for claim in claims}
        rows = await self._read(statements.LOAD_EXECUTIONS, {"ids": ids})
        states = {row["id"]: state_of(row, started[row["id"]]) for row in rows}
        retried = {row["id"] for row in rows if row["retry_of"] is not None}  # they begin with runs taken over
        begun = [claim.execution_id for claim in claims if claim.epoch > 1 or claim.execution_id in retried]
        if begun:
            for row in await self._read(statements.LOAD_RUNS, {"ids": begun, "large": LARGE_BYTES}):
                add_run(states[row["execution_id"]], row)
        return states

    async def inbox(self, ids: Sequence[str]) -> dict[str, list[Signal]]:
        """Signals left for these executions, oldest first."""
        found: dict[str, list[Signal]] = defaultdict(list)
        for row in await self._read(statements.LOAD_INBOX, {"ids": list(ids)}):
            found[row["execution_id"]].append(Signal(row["kind"], row["key"], json.loads(row["payload"]), row["created_at"]))
        return found

    async def output(self, execution_id: str, key: Key, attempt: int) -> Any:
        """The output of one run, which was too large to be loaded with the rest."""
        params = {"id": execution_id, "node_id": key[0], "iteration": key[1], "attempt": attempt}
        rows = await self._read(statements.LOAD_OUTPUT, params)
        return json.loads(rows[0]["output"]) if rows and rows[0]["output"] is not None else None

    async def parts(self, execution_id: str) -> list[Part]:
        """The hidden executions that this one started for parts of its loops."""
        rows = await self._read(statements.LOAD_PARTS, {"id": execution_id})
        return [Part(row["id"], (row["node_id"], row["iteration"]), row["part"], row["status"], row["last_seq"]) for row in rows]

    async def results(self, ids: Sequence[str]) -> dict[str, Result]:
        """How these executions ended."""
        rows = await self._read(statements.LOAD_RESULTS, {"ids": list(ids)})
        return {row["id"]: Result(row["status"], _json(row["output"]), _json(row["error"])) for row in rows}

    async def reserve_turns(self, buckets: Sequence[Mapping[str, Any]]) -> tuple[datetime, datetime]:
        """Take the next turn of every bucket ({key, most, per}); returns the latest of those turns, and the time. When an acknowledgement is lost, another turn is taken."""
        (row,) = await self._read(statements.RESERVE_TURNS, {"buckets": json.dumps(list(buckets))})
        return row["turn"], row["now"]

    async def credential_limits(self, workspace_id: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """(id, rate limit) of the credentials of a workspace that have a limit, by slug and by id; remembered for a few seconds."""
        known = self._limits.get(workspace_id)
        if known is None or known[1] < time.monotonic():
            rows = await self._read(statements.CREDENTIAL_LIMITS, {"workspace_id": workspace_id})
            found = {name: (row["id"], row["rate_limit"]) for row in rows for name in (row["slug"], row["id"])}
            known = self._limits[workspace_id] = (found, time.monotonic() + LIMITS_REMEMBERED_SECONDS)
        return known[0]

    async def events_before(self, execution_id: str) -> list[dict[str, Any]]:
        """Events that nodes of this execution wait for and that were published before they did, each beside the wait, oldest first."""
        return await self._read(statements.EVENTS_BEFORE, {"id": execution_id})

    async def standing(self, execution_id: str) -> tuple[int, int] | None:
        """(epoch, signal counter) of an execution that has not ended, else None."""
        rows = await self._read(statements.READ_WAKES, {"ids": [execution_id]})
        return (rows[0]["lease_epoch"], rows[0]["signals"]) if rows else None

    async def transaction(self, several: Sequence[tuple[str, Mapping[str, Any]]]) -> list[list[dict[str, Any]]]:
        """Several statements in one transaction; the rows of each."""
        return await self._connection.transaction(several)

    async def workflow(self, workspace_id: str, name: str) -> Target | None:
        """The workflow of that slug or id, with what is live of it."""
        rows = await self._read(statements.FIND_WORKFLOW, {"workspace_id": workspace_id, "name": name})
        return target_of(rows)

    async def definition(self, definition_id: str) -> str | None:
        """The body of an immutable definition, one line of JSON; on a second line the workspace's own node types that it was frozen with, if any."""
        rows = await self._read(statements.LOAD_DEFINITION, {"id": definition_id})
        if not rows:
            return None
        return rows[0]["body"] if rows[0]["actions"] is None else f"{rows[0]['body']}\n{rows[0]['actions']}"


def state_of(row: Mapping[str, Any], started_at: datetime) -> ExecutionState:
    """An execution without its runs, from its row and the start its queue row has."""
    return ExecutionState(
        execution_id=row["id"],
        workspace_id=row["workspace_id"],
        workflow_id=row["workflow_id"],
        definition_id=row["definition_id"],
        version=row["version"],
        trigger=json.loads(row["trigger"]),
        input=json.loads(row["input"]),
        created_at=row["created_at"],
        started_at=started_at,
        key_origin=row["key_origin"],
        parent_id=row["parent_id"],
        parent_node=row["parent_node"],
        parent_iteration=row["parent_iteration"] or "",
        part=row["part"],
        depth=row["depth"],
        unwinding=_json(row["error"]),  # an execution that has not ended has an error only while it undoes
    )


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def add_run(state: ExecutionState, row: Mapping[str, Any]) -> None:
    """Rows come by attempt, so the newest attempt of a node stays. An ended attempt is final, unless its worker was lost and no other followed yet."""
    before = state.runs.get((row["node_id"], row["iteration"]))
    error = json.loads(row["error"]) if row["error"] is not None else None
    lost = (before.lost if before else 0) + (1 if error is not None and error.get("code") == WORKER_LOST else 0)
    run = NodeRun(
        node_id=row["node_id"],
        type=row["type"],
        iteration=row["iteration"],
        attempt=row["attempt"],
        status=row["status"],
        port=row["port"],
        output=json.loads(row["output"]) if row["output"] is not None else None,
        error=error,
        started_seq=row["started_seq"],
        finished_seq=row["finished_seq"],
        first_started_at=before.first_started_at if before else row["started_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        wake_at=row["wake_at"],
        final=row["status"] in ENDED and (error is None or error.get("code") != WORKER_LOST),
        lost=lost,
        bytes=row["bytes"] or 0,
        unloaded=row["output"] is None and row["bytes"] is not None,
    )
    state.bytes += run.bytes
    state.runs[run.key] = run
    state.seq = max(state.seq, row["started_seq"], row["finished_seq"] or 0)


WORKER_LOST = "engine.worker_lost"
