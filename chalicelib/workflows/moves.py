"""Moving executions that have not ended to another version: which can, which cannot and why, and then doing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from chalicelib.core.errors import ExpressionError, ValidationFailed
from chalicelib.core.jsontext import loads
from chalicelib.definitions.graph import compile_graph
from chalicelib.definitions.schema import parse_definition
from chalicelib.engine import moving
from chalicelib.engine.moves import Obstacle, Side, obstacles
from chalicelib.engine.moving import Candidate, MoveFilter
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.custom import specs_of
from chalicelib.workflows import service

HELD = Obstacle("held", "a worker has it at this moment; ask again when it waits")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One execution: whether it can move, or has; `obstacles` say why not."""

    candidate: Candidate
    moved: bool
    obstacles: Sequence[Obstacle]


def move(
    connection: Connection,
    workspace_id: str,
    workflow_id: str,
    number: str,
    wanted: MoveFilter,
    *,
    dry_run: bool,
    after: str | None,
    limit: int,
    moved_by: str,
) -> list[Verdict]:
    """Judge the executions of a workflow that have not ended and are not of version `number`, by id, and move those that can unless it is a `dry_run`.

    One that a worker holds, or takes up before it is moved, is left alone (`held`). One more than `limit` is looked at, to know whether more follow; the last is not
    moved. Raises NotFound. Call `wake()` after the commit.
    """
    version = service.get_version(connection, workspace_id, workflow_id, number)
    found = moving.find(connection, workspace_id, workflow_id, version["version"], wanted, after, limit + 1)
    found, more = found[:limit], found[limit:]
    sides = _sides(connection, {version["definition_id"], *(candidate.definition_id for candidate in found)})
    judged = [(candidate, _judge(candidate, sides, version["definition_id"])) for candidate in found]
    movable = [candidate for candidate, reasons in judged if not reasons]
    done = set() if dry_run else moving.move(connection, movable, version["definition_id"], version["version"], moved_by)
    verdicts = []
    for candidate, reasons in judged:
        lost = not dry_run and not reasons and candidate.execution_id not in done
        verdicts.append(Verdict(candidate, candidate.execution_id in done, [HELD] if lost else reasons))
    return verdicts + [Verdict(candidate, False, ()) for candidate in more]


def _judge(candidate: Candidate, sides: dict[str, Side | Obstacle], target: str) -> Sequence[Obstacle]:
    if candidate.held:
        return [HELD]
    old, new = sides[candidate.definition_id], sides[target]
    if isinstance(old, Obstacle) or isinstance(new, Obstacle):
        return [side for side in (old, new) if isinstance(side, Obstacle)]
    return obstacles(candidate.standing, old, new)


def _sides(connection: Connection, ids: set[str]) -> dict[str, Side | Obstacle]:
    return {own_id: _side(*texts) for own_id, texts in moving.definitions(connection, sorted(ids)).items()}


def _side(text: str, actions: str | None) -> Side | Obstacle:
    body, known = loads(text), catalogue()
    try:
        types = known.with_types(specs_of(actions)) if actions else known
        graph = compile_graph(parse_definition(body), types)
    except (ExpressionError, ValidationFailed, ValueError) as error:
        return Obstacle("definition_unusable", f"this version of Millrace cannot run a definition: {error}")
    return Side(graph, body, {document["type"]: document for document in loads(actions)} if actions else {})
