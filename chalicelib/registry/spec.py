"""How a node type describes itself: one ActionSpec, made in one file under chalicelib/actions.

The validator reads ports, config model and CEL fields; the engine reads effect, retry and run; the API serves the JSON Schema from which the builder draws
its form. Nothing else anywhere knows a node type by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError, WithJsonSchema

from chalicelib.core.expressions import suggestion
from chalicelib.core.redaction import Secrets
from chalicelib.definitions.complaints import words
from chalicelib.definitions.issues import Issue
from chalicelib.registry.references import find_references

# A field that holds bare CEL. Its name within the config is found by its JSON Schema format.
CelSource = Annotated[str, WithJsonSchema({"type": "string", "format": "cel", "minLength": 1})]


class Config(BaseModel):
    """Base of all config models: unknown fields are refused, so that a typing error is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


def exactly_one(*names: str) -> ConfigDict:
    """For forms: of these fields one is given, so they are drawn as a choice. The model itself must check it."""
    return ConfigDict(json_schema_extra={"x-one-of": list(names)})


def hints(only_with: Sequence[str] = (), labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """For forms: a field that means something only when the choice fell on one of these (see `exactly_one`), and its values in words."""
    return {**({"x-with": list(only_with)} if only_with else {}), **({"x-labels": dict(labels)} if labels else {})}


@dataclass(frozen=True, slots=True)
class Done:
    """The node is finished and passes on through `port`."""

    output: Any = None
    port: str = "main"


@dataclass(frozen=True, slots=True)
class Sleep:
    """The node waits until an instant (timezone-aware), durably, and then passes on through `main` with `output`."""

    until: datetime
    output: Any = None


TIMEOUT_PORT = "timeout"


@dataclass(frozen=True, slots=True)
class Wait:
    """The node waits for an answer from outside, at most until an instant (None: as long as the execution may take); then it passes on through TIMEOUT_PORT."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class End:
    """The node ends the whole execution."""

    status: Literal["succeeded", "failed"]
    output: Any = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Loop:
    """The node runs its body once for each item, at most `max_parallel` at a time; its output is the list of the bodies' outputs, in order. With `go_on` an
    item that fails gives null, without it the node fails."""

    items: list[Any]
    max_parallel: int
    go_on: bool


@dataclass(frozen=True, slots=True)
class Start:
    """The node starts an execution of another workflow (a slug or an id), and with `wait` takes over its output, or its failure."""

    workflow: str
    input: Any
    wait: bool


@dataclass(frozen=True, slots=True)
class Listen:
    """The node waits for an event of this name (and key) for which `match` (CEL over `event`; None: any) is true, looking back to `since`, at most `until`."""

    name: str
    key: str | None
    match: str | None
    since: datetime
    until: datetime | None


Outcome = Done | Sleep | Wait | End | Loop | Start | Listen


class ActionError(Exception):
    """An effect or a computation that failed.

    `code` is stable, `error_class` is what `retry.on` matches (timeout, connection, rate_limited, http.503, ...; None: never retried), `retry_after` is what
    the other side asked for, in seconds.
    """

    def __init__(
        self, code: str, message: str, *, error_class: str | None = None, retry_after: float | None = None, output: Any = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.error_class = error_class
        self.retry_after = retry_after
        self.output = output


class Evaluator(Protocol):
    """Evaluates bare CEL in the node's scope; raises ExpressionError."""

    def __call__(self, source: str, /) -> Any:
        """The JSON value of an expression."""


@dataclass(slots=True)
class NodeContext:
    """What a running node may know and use. `now` is the instant the node became ready: the same on every recomputation.

    `secrets` are those of the credentials it has been lent; the engine takes them out of its output, its error and the log. What an action appends to
    `console`, as {level, text}, stands in history beside its output. `show` is given what an effect has of its output so far; history shows it about once a
    second while the node runs, for people only: no expression sees it, and it is gone when the attempt ends in another.
    """

    execution_id: str
    workspace_id: str
    node_id: str
    iteration: str
    attempt: int
    idempotency_key: str
    now: datetime
    evaluate: Evaluator
    timeout_seconds: float = 60.0
    clients: Mapping[str, Any] = field(default_factory=dict)
    workflow_id: str = ""
    secrets: Secrets = field(default_factory=Secrets)
    console: list[dict[str, str]] = field(default_factory=list)
    show: Callable[[Any], None] = lambda _output: None


ConfigModel = type[Config]
TriggerConfigModel = type[BaseModel]
Run = Callable[[NodeContext, Any], Outcome | Awaitable[Outcome]]


@dataclass(frozen=True)
class ActionSpec:
    """One node type. `run` is a plain function for pure types and a coroutine function for effects."""

    type: str
    title: str
    description: str
    kind: Literal["action", "notify", "logic", "wait", "data", "sub-workflow", "error"]
    icon: str
    config_model: ConfigModel
    run: Run
    effect: Literal["pure", "effect"] = "effect"
    output_ports: tuple[str, ...] | Callable[[Mapping[str, Any]], tuple[str, ...]] = ("main", "error")
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    retry: Mapping[str, Any] | None = None
    example: Mapping[str, Any] = field(default_factory=dict)
    warn: Callable[[Mapping[str, Any]], list[Issue]] | None = None
    answers_at: str | None = None  # nodes that wait for an answer: the API's path segment at which it is taken
    body_field: str | None = None  # loops: the config's field that holds what runs for each item
    coordinates: bool = False  # an effect that the engine itself carries out, in its own transaction: `run` is a plain function

    def ports(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """All output ports of a node with this (raw) config."""
        return self.output_ports(config) if callable(self.output_ports) else self.output_ports

    def check(self, config: Mapping[str, Any]) -> list[Issue]:
        """Every problem of a raw config, with paths relative to it. What an expression will only give at run time is not judged here."""
        issues = []
        try:
            self.config_model.model_validate(config)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                if not _hidden_by_expression(config, problem["loc"]):
                    path = "".join(f"/{_escape(part)}" for part in _within(config, problem["loc"]))
                    issues.append(Issue(path=path, code=f"config_{problem['type']}", message=self._words(problem)))
        if self.warn is not None and not issues:
            issues.extend(self.warn(config))
        return issues

    def explain(self, config: Mapping[str, Any], error: ValidationError) -> str:
        """The first thing that is wrong with a config whose expressions are filled in, with its field before it."""
        problem = error.errors(include_url=False)[0]
        field = "/".join(str(part) for part in _within(config, problem["loc"]))
        return f"{field}: {self._words(problem)}" if field else self._words(problem)

    def _words(self, problem: Any) -> str:
        near = suggestion(str(problem["loc"][-1]), _known_beside(self.config_schema(), problem["loc"])) if problem["type"] == "extra_forbidden" else ""
        return words(problem) + (f".{near}" if near else "")

    def cel_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """JSON Pointers of what templates leave alone: fields that hold bare CEL (format `cel`), and values meant as they are (format `literal`)."""
        schema = self.config_schema()
        return tuple(_leaves(config, schema, schema.get("$defs", {}), "", ("cel", "literal")))

    def literal_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of them that are meant as they are."""
        schema = self.config_schema()
        return tuple(_leaves(config, schema, schema.get("$defs", {}), "", ("literal",)))

    def credentials(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """The credentials a config names, by slug or id; not those that an expression will only give at run time."""
        return tuple(reference.ref for reference in find_references(config, self.config_schema()))

    def html_fields(self, config: Mapping[str, Any]) -> tuple[str, ...]:
        """JSON Pointers of top-level HTML texts (format `html`): what expressions put into them is escaped."""
        properties = self.config_schema().get("properties", {})
        return tuple(f"/{name}" for name in config if properties.get(name, {}).get("format") == "html")

    def config_schema(self) -> dict[str, Any]:
        """JSON Schema of the config, from which forms are drawn."""
        cached = _SCHEMAS.get(self.type)
        if cached is None:
            cached = _SCHEMAS[self.type] = self.config_model.model_json_schema()
        return cached

    def describe(self) -> dict[str, Any]:
        """The registry's answer for this type."""
        return {
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "kind": self.kind,
            "icon": self.icon,
            "ports": list(self.ports({})),
            "config_schema": self.config_schema(),
            "output_schema": dict(self.output_schema),
            "effect": self.effect,
            "retry": dict(self.retry) if self.retry else None,
            "example": dict(self.example),
        }


_SCHEMAS: dict[str, dict[str, Any]] = {}


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _within(config: Any, loc: tuple[str | int, ...]) -> list[str | int]:
    """The part of pydantic's location that exists in the config: union tags and the like are left out, a missing last field stays."""
    path: list[str | int] = []
    value: Any = config
    for position, part in enumerate(loc):
        if _has(value, part):
            value = value[part]
        elif position != len(loc) - 1 or not isinstance(value, Mapping):
            continue
        path.append(part)
    return path


def _hidden_by_expression(config: Any, loc: tuple[str | int, ...]) -> bool:
    """Whether the value complained of, or one that holds it, is given by an expression and so unknown before it runs."""
    value: Any = config
    for part in loc:
        if _has(value, part):
            value = value[part]
        if isinstance(value, str) and "{{" in value:
            return True
    return False


def _known_beside(schema: Mapping[str, Any], loc: tuple[str | int, ...]) -> list[str]:
    """The names that the schema has beside the last of the path."""
    defs, places = schema.get("$defs", {}), [schema]
    for part in loc:
        opened: list[Any] = []
        for place in places:
            while "$ref" in place:
                place = defs[place["$ref"].rsplit("/", 1)[1]]
            opened += [place, *(defs[each["$ref"].rsplit("/", 1)[1]] if "$ref" in each else each for each in place.get("anyOf", ()))]
        known = [name for place in opened for name in place.get("properties", {})]
        places = [found for place in opened if (found := place.get("items") if isinstance(part, int) else place.get("properties", {}).get(part))]
    return known


def _leaves(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any], path: str, formats: tuple[str, ...]) -> list[str]:
    while "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    for alternative in schema.get("anyOf", ()):
        found = _leaves(value, alternative, defs, path, formats)
        if found:
            return found
    if schema.get("format") == "literal":
        return [path] if "literal" in formats else []
    if isinstance(value, str):
        return [path] if schema.get("format") == "cel" and "cel" in formats else []
    leaves: list[str] = []
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        rest = schema.get("additionalProperties")
        for name, inner in value.items():
            inner_schema = properties.get(name, rest if isinstance(rest, Mapping) else {})
            leaves += _leaves(inner, inner_schema, defs, f"{path}/{_escape(name)}", formats)
    elif isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        for index, inner in enumerate(value):
            leaves += _leaves(inner, schema["items"], defs, f"{path}/{index}", formats)
    return leaves


@dataclass(frozen=True)
class TriggerSpec:
    """One trigger type: its config model and what the builder needs to draw its form."""

    type: str
    title: str
    description: str
    icon: str
    config_model: TriggerConfigModel
    input_example: Any = None
    presets: tuple[Mapping[str, Any], ...] = ()

    def describe(self) -> dict[str, Any]:
        """The registry's answer for this type."""
        return {
            "type": self.type,
            "title": self.title,
            "description": self.description,
            "kind": "trigger",
            "icon": self.icon,
            "ports": ["main"],
            "config_schema": self.config_model.model_json_schema(),
            "output_schema": {},
            "effect": "pure",
            "retry": None,
            "input_example": self.input_example,
            "presets": [dict(preset) for preset in self.presets],
        }
