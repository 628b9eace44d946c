"""The form of a definition: `millrace/1` as pydantic models, and `parse_definition`, which reports every problem at once.

Well formed is less than valid: `chalicelib.definitions.validate` says what else stops a definition from being published.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from chalicelib.core.errors import ValidationFailed
from chalicelib.core.expressions import suggestion
from chalicelib.core.jsontext import is_clean
from chalicelib.definitions.problems import Problem, json_problems, place_in, pointer, words_for
from chalicelib.definitions.reserved import RESERVED_WORDS

LANGUAGE = "millrace/1"
MAX_NODES = 500
MAX_EDGES = 5_000
MAX_BYTES = 1024 * 1024
MAX_PORT_LENGTH = 100
ID_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
RETRY_CLASS_PATTERN = r"^(timeout|connection|rate_limited|http\.(5xx|[1-5][0-9][0-9]))$"


def _id(value: Any) -> Any:
    if isinstance(value, str) and value in RESERVED_WORDS:
        raise ValueError(f"'{value}' is a reserved word of expressions; choose another id, such as '{value}_'")
    return value


def _clean(value: Any) -> Any:
    if isinstance(value, str) and not is_clean(value):
        raise ValueError("NUL characters and lone surrogates are not allowed here")
    return value


NodeId = Annotated[str, StringConstraints(pattern=ID_PATTERN), BeforeValidator(_id)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_clean)]
TypeName = Annotated[str, StringConstraints(min_length=1, max_length=100), BeforeValidator(_clean)]
Port = Annotated[str, StringConstraints(min_length=1, max_length=MAX_PORT_LENGTH), BeforeValidator(_clean)]
RetryClass = Annotated[str, StringConstraints(pattern=RETRY_CLASS_PATTERN)]
JsonObject = dict[str, Any]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False, allow_inf_nan=False)


class RetryPolicy(_Model):
    """How an effect is tried again; what is left out keeps the node type's default."""

    max_attempts: int | None = Field(default=None, ge=1, le=100, description="all attempts, the first included")
    initial_seconds: float | None = Field(default=None, ge=0, le=86_400)
    backoff: float | None = Field(default=None, ge=1, le=100)
    max_seconds: float | None = Field(default=None, gt=0, le=30 * 86_400)
    jitter: bool | None = None
    on: list[RetryClass] | None = Field(default=None, max_length=100)
    not_on: list[RetryClass] | None = Field(default=None, max_length=100)


class RateLimit(_Model):
    """At most `limit` attempts begin in any `per_seconds`, over all executions of the workflow; the others wait for their turn."""

    limit: int = Field(ge=1, le=1_000)
    per_seconds: float = Field(gt=0, le=86_400)


class Quorum(_Model):
    """A join that waits for so many taken edges."""

    quorum: int = Field(ge=1)


class Ui(BaseModel):
    """Where the builder draws the node; it may keep more of its own here."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)
    x: float = 0
    y: float = 0


class Node(_Model):
    """One step of a workflow."""

    id: NodeId
    type: TypeName
    name: Name | None = None
    config: JsonObject = Field(default_factory=dict)
    retry: RetryPolicy | None = None
    rate_limit: RateLimit | None = None
    timeout_seconds: float | None = Field(default=None, gt=0, description="for one attempt; 60 when left out")
    on_error: Literal["fail", "branch", "continue"] = "fail"
    undo: NodeId | None = None
    join: Literal["all", "any"] | Quorum = "all"
    delivery: Literal["at_least_once", "at_most_once"] = "at_least_once"
    sensitive: list[str] = Field(default_factory=list, max_length=100)
    disabled: bool = False
    ui: Ui | None = None


class Edge(_Model):
    """`to` follows when `from` ends through `port`."""

    source: NodeId = Field(alias="from")
    port: Port = "main"
    target: NodeId = Field(alias="to")


class Concurrency(_Model):
    """At most `limit` executions with the same `key` at a time."""

    key: str = Field(min_length=1)
    limit: int = Field(default=1, ge=1, le=10_000)
    on_limit: Literal["queue", "skip", "replace", "fail"] = "queue"


class Settings(_Model):
    """What holds for a whole execution."""

    timeout_seconds: float | None = Field(default=None, gt=0)
    concurrency: Concurrency | None = None
    priority: Literal["low", "normal", "high"] = Field(default="normal", description="its share of the workers while more is due than they can do")
    on_failure_workflow: Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(_clean)] | None = None
    retention_days: int | None = Field(default=None, ge=1, le=3_650)
    retention_bytes: int | None = Field(default=None, ge=1_000_000, le=1_000_000_000_000, description="of the history of ended executions; the oldest go first")


class Body(_Model):
    """What a loop runs for each of its items."""

    nodes: list[Node] = Field(min_length=1, max_length=MAX_NODES)
    edges: list[Edge] = Field(default_factory=list, max_length=MAX_EDGES)
    output: Any = None


class Definition(_Model):
    """A workflow."""

    language: Literal["millrace/1"] = Field(alias="schema")
    input_schema: JsonObject | bool | None = None
    nodes: list[Node] = Field(max_length=MAX_NODES)
    edges: list[Edge] = Field(default_factory=list, max_length=MAX_EDGES)
    output: Any = None
    settings: Settings = Field(default_factory=Settings)
    ui: JsonObject | None = Field(default=None, description="what the builder draws beside the nodes, such as notes; means nothing to the engine")


def parse_definition(raw: Any) -> Definition:
    """The definition that this JSON value is. Raises ValidationFailed whose `errors` list every problem, in document order, as {path, code, message}.

    A definition is well formed when it has the form of these models, its ids are unique, its edges join nodes that exist, and it keeps within 1 MB, 500
    nodes and 200 levels of nesting.
    """
    problems = json_problems(raw, MAX_BYTES)
    if problems:  # too deep, too large or not JSON: looking closer would be unsafe or pointless
        raise _failure(problems)
    definition = None
    try:
        definition = Definition.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors(include_url=False) if not _other_alternative(detail)]
    problems += _cross_checks(raw)
    if problems or definition is None:
        raise _failure(_in_order(raw, problems))
    return definition


def parse_body(raw: Any) -> Definition:
    """The body of a loop as a definition of its own. Raises ValidationFailed whose `errors` list every problem, paths relative to the body."""
    problems = []
    try:
        body = Body.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(detail, Body) for detail in error.errors(include_url=False) if not _other_alternative(detail)]
    problems += _cross_checks(raw)
    if problems:
        raise _failure(_in_order(raw, problems))
    return Definition(schema="millrace/1", nodes=body.nodes, edges=body.edges, output=body.output)


def definition_schema() -> dict[str, Any]:
    """The form of a definition as JSON Schema 2020-12."""
    schema = Definition.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Millrace workflow definition"}


def _failure(problems: Iterable[Problem]) -> ValidationFailed:
    return ValidationFailed([{"path": found.path, "code": found.code, "message": found.message} for found in problems])


_UNIONS = ("join", "input_schema")


def _problem(detail: Any, root: type[BaseModel] = Definition) -> Problem:
    location: list[str | int] = []
    for part in detail["loc"]:
        if (
            not (location and location[-1] in _UNIONS)
            or part == "quorum"
            or detail["type"] == "extra_forbidden"
            and part is detail["loc"][-1]
        ):  # what follows there is pydantic's name of an alternative, then a field of it
            location.append(part)
    return Problem(pointer(location), *words_for(detail, _field_names(detail["loc"], root)))


def _other_alternative(detail: Any) -> bool:
    """Whether this is only pydantic's note that the value is not the other alternative of a union, which another note explains better."""
    last, value = str(detail["loc"][-1]) if detail["loc"] else "", detail.get("input")
    return (
        last == "bool"
        or (last == "Quorum" and detail["type"] == "model_type")
        or (last.startswith("literal[") and isinstance(value, dict))
    )


def _field_names(loc: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    """The fields the model at this place knows, for suggestions."""
    model: Any = root
    for part in loc[:-1]:
        model = _NESTED.get((model, part), model)
    return [field.alias or name for name, field in model.model_fields.items()]


_NESTED: dict[tuple[Any, str | int], Any] = {
    (Body, "nodes"): Node,
    (Body, "edges"): Edge,
    (Definition, "nodes"): Node,
    (Definition, "edges"): Edge,
    (Definition, "settings"): Settings,
    (Settings, "concurrency"): Concurrency,
    (Node, "retry"): RetryPolicy,
    (Node, "rate_limit"): RateLimit,
    (Node, "join"): Quorum,
    (Node, "ui"): Ui,
}


def _cross_checks(raw: Any) -> list[Problem]:
    """What concerns more than one node: unique ids, edges and undo between nodes that exist. Works on malformed definitions too."""
    if not isinstance(raw, dict):
        return []
    nodes = raw.get("nodes")
    first: dict[str, int] = {}
    problems = []
    for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
        own_id = node.get("id") if isinstance(node, dict) else None
        if not isinstance(own_id, str):
            continue
        if own_id in first:
            message = f"the id '{own_id}' is already used by /nodes/{first[own_id]}; every node needs its own"
            problems.append(Problem(f"/nodes/{index}/id", "duplicate_id", message))
        first.setdefault(own_id, index)
    edges = raw.get("edges")
    for index, edge in enumerate(edges if isinstance(edges, list) else ()):
        for end in ("from", "to"):
            name = edge.get(end) if isinstance(edge, dict) else None
            if isinstance(name, str) and name not in first:
                problems.append(_unknown_end(f"/edges/{index}/{end}", name, first))
    return problems


def _unknown_end(path: str, name: str, known: Iterable[str]) -> Problem:
    return Problem(path, "unknown_node", f"there is no node '{name[:80]}'.{suggestion(name, known)}")


def _in_order(raw: Any, problems: list[Problem]) -> list[Problem]:
    """Sorted as the document is written; fields that are missing come first in their object."""

    unique = {(found.path, found.code): found for found in problems}
    return sorted(unique.values(), key=lambda found: place_in(raw, found.path))
