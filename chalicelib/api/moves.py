"""Moving executions that wait to another version of their workflow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.execution_filter import read_time
from chalicelib.api.models import Answer, Model, Text
from chalicelib.api.paging import MAX_LIMIT, cursor, read_cursor
from chalicelib.api.replies import Reply, json_reply
from chalicelib.engine.moving import MoveFilter
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import EDITOR
from chalicelib.workflows import moves as service
from chalicelib.workflows.moves import Verdict

routes = Routes("workflows")


class MoveWanted(Model):
    """Which executions; left out, all of the workflow that have not ended."""

    execution_ids: Annotated[list[Text], Field(min_length=1, max_length=MAX_LIMIT)] | None = None
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(None, description="Only those that run this version.")
    node_id: Text | None = Field(None, description="Only those that wait at this node.")
    created_from: Text | None = Field(None, alias="from")
    created_to: Text | None = Field(None, alias="to")


class MoveRequest(Model):
    """What to move."""

    filter: MoveWanted | None = None
    dry_run: bool = Field(False, description="Only say what would happen.")
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = MAX_LIMIT
    cursor: Text | None = Field(None, description="`next_cursor` of the answer before.")


class Reason(Answer):
    """Why an execution cannot move."""

    code: str
    message: str
    node_id: str | None


class MoveOutcome(Answer):
    """One execution. `movable` (in a dry run) or `moved`; else `blocked`, with the reasons, or `held`: a worker has it at this moment."""

    execution_id: str
    from_version: int | Literal["draft"]
    outcome: Literal["movable", "moved", "blocked", "held"]
    reasons: list[Reason]


class MoveAnswer(Answer):
    """What became of this page of executions, by id."""

    version: int
    dry_run: bool
    counts: dict[str, int]
    items: list[MoveOutcome]
    next_cursor: str | None


@routes.route("POST", "/workflows/{id}/versions/{n}/move", role=EDITOR, body=MoveRequest, body_optional=True, answer=MoveAnswer)
def move_executions(call: Call, id: str, n: str) -> Reply:
    """Let executions that have not ended go on with another version. Says of each whether it can, and why not; `dry_run` changes nothing. Those that a
    worker holds are left alone."""
    body, caller = call.body, call.caller
    assert caller is not None
    verdicts = service.move(
        call.connection,
        call.workspace_id,
        id,
        n,
        _filter(body.filter),
        dry_run=body.dry_run,
        after=read_cursor(body.cursor, "moves"),
        limit=body.limit,
        moved_by=caller.key_id,
    )
    call.after_commit.append(wake)
    items = [_shown(verdict) for verdict in verdicts[: body.limit]]
    counts = {outcome: sum(item["outcome"] == outcome for item in items) for outcome in ("movable", "moved", "blocked", "held")}
    following = cursor("moves", items[-1]["execution_id"]) if len(verdicts) > body.limit else None
    return json_reply({"version": int(n), "dry_run": body.dry_run, "counts": counts, "items": items, "next_cursor": following})


def _filter(wanted: MoveWanted | None) -> MoveFilter:
    if wanted is None:
        return MoveFilter()
    times = (read_time(wanted.created_from, "/filter/from"), read_time(wanted.created_to, "/filter/to"))
    return MoveFilter(tuple(wanted.execution_ids) if wanted.execution_ids else None, wanted.version, wanted.node_id, *times)


def _shown(verdict: Verdict) -> dict[str, Any]:
    candidate, reasons = verdict.candidate, verdict.obstacles
    outcome = "moved" if verdict.moved else "movable" if not reasons else "held" if reasons[0] is service.HELD else "blocked"
    return {
        "execution_id": candidate.execution_id,
        "from_version": candidate.version if candidate.version is not None else "draft",
        "outcome": outcome,
        "reasons": [{"code": reason.code, "message": reason.message, "node_id": reason.node_id} for reason in reasons],
    }
