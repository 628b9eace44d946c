"""What a workspace's own node type is written as, and everything that can be wrong with it. Pure.

    {"type": "weather.current", "title": "Current weather", "config_schema": {…JSON Schema of the node's config…},
     "http": {"method": "GET", "url": "https://api.example.com/{city}", "path": {"city": "{{ input.city }}"}, "auth": {"credential": "weather"}},
     "output": {"degrees": "{{ response.body.temp }}"}}

`http` is a config of http.request, and `path` fills `{name}` in its URL, encoded; or `function` is {language, source}, called with the config.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from chalicelib.core.expressions import check_template
from chalicelib.core.jsontext import dumps
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schemas import find_schema_issues
from chalicelib.registry.catalogue import ActionCatalogue
from chalicelib.registry.custom import NAMES, OUTPUT_NAMES, base_type

TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,30}(\.[a-z0-9][a-z0-9_]{0,60}){1,3}$"
MAX_BYTES = 256 * 1024
_OWN_FIELDS = frozenset(("path",))

Text = Annotated[str, Field(max_length=20_000)]


def _type_name(name: str) -> str:
    if not re.fullmatch(TYPE_PATTERN, name):
        raise ValueError("a type is two to four names with dots between, of lower-case letters, digits and _, such as weather.current")
    return name


class FunctionSource(BaseModel):
    """Code that defines main(input)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    language: Literal["python", "javascript"]
    source: Annotated[str, Field(min_length=1, max_length=100_000)]


class ActionDocument(BaseModel):
    """A workspace's own node type."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Annotated[
        str,
        AfterValidator(_type_name),
        Field(max_length=100, description="Such as weather.current: a name, a dot, a name.", json_schema_extra={"pattern": TYPE_PATTERN}),
    ]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=2_000)] = ""
    documentation: Annotated[Text, Field(description="Markdown.")] = ""
    icon: Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9-]*$")] = ""
    config_schema: Annotated[dict[str, Any], Field(description="JSON Schema of the node's config, an object; draws its form.")] = Field(
        default_factory=lambda: {"type": "object"}
    )
    output_schema: dict[str, Any] = Field(default_factory=dict)
    http: Annotated[dict[str, Any] | None, Field(description="A config of http.request; expressions see the node's config as `input`.")] = None
    function: FunctionSource | None = None
    output: Annotated[Any, Field(description="What the node's output is made of: expressions see `input` and `response`.")] = None
    retry: dict[str, Any] | None = None
    example: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> ActionDocument:
        if (self.http is None) == (self.function is None):
            raise ValueError("give either http or function")
        return self

    def as_document(self) -> dict[str, Any]:
        """As it is stored: what is not given is left out."""
        document = self.model_dump(mode="json", exclude_none=True)
        if "output" not in self.model_fields_set:
            document.pop("output", None)
        return document


def find_issues(document: Mapping[str, Any], catalogue: ActionCatalogue) -> list[Issue]:
    """Every problem of a document, with paths into it."""
    issues = [*_schema_issues(document), *find_schema_issues(document.get("output_schema") or None, "/output_schema")]
    if len(dumps(document)) > MAX_BYTES:
        issues.append(Issue("", "too_large", f"an action may have at most {MAX_BYTES // 1024} KB"))
    if document["type"] in catalogue.types():
        issues.append(Issue("/type", "type_taken", f"{document['type']} is a built-in type; choose another name"))
    base = catalogue.get(base_type(document))
    if base is None:
        return [*issues, Issue("/function", "not_available", "functions are not available in this installation")]
    if "http" in document:
        call = {name: value for name, value in document["http"].items() if name not in _OWN_FIELDS}
        issues += [issue.under("/http") for issue in base.check(call)]
        issues += _path_issues(document["http"])
        issues += _template_issues(document["http"], "/http", NAMES)
    else:
        issues += [issue.under("/function") for issue in base.check({**document["function"], "input": {}})]
    if "output" in document:
        issues += _template_issues(document["output"], "/output", OUTPUT_NAMES)
    return issues


def _schema_issues(document: Mapping[str, Any]) -> Iterable[Issue]:
    schema = document["config_schema"]
    found = find_schema_issues(schema, "/config_schema")
    if not found and schema.get("type") != "object":
        found.append(Issue("/config_schema/type", "schema_invalid", "a node's config is an object: write \"type\": \"object\""))
    yield from found
    if not found:
        yield from _reference_issues(schema, schema, "/config_schema")


def _reference_issues(root: Mapping[str, Any], value: Any, path: str) -> Iterable[Issue]:
    """Forms follow references to `#/$defs/…` only."""
    if isinstance(value, Mapping):
        reference = value.get("$ref")
        if isinstance(reference, str) and (not reference.startswith("#/$defs/") or reference.removeprefix("#/$defs/") not in root.get("$defs", {})):
            yield Issue(f"{path}/$ref", "schema_invalid", "references in a config's schema must be to #/$defs/…")
        for name, inner in value.items():
            yield from _reference_issues(root, inner, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _reference_issues(root, inner, f"{path}/{index}")


def _path_issues(http: Mapping[str, Any]) -> Iterable[Issue]:
    path = http.get("path")
    if path is not None and not isinstance(path, Mapping):
        yield Issue("/http/path", "wrong_type", "path is an object: the values for {name} in the URL")


def _template_issues(value: Any, path: str, names: Collection[str]) -> Iterable[Issue]:
    template, problems = check_template(value)
    for where, error in problems:
        yield Issue(path + where, "expression_error", error.detail)
    for where, program in template.expressions:
        for name in sorted(program.names - set(names)):
            there = ", ".join(sorted(names))
            yield Issue(path + where, "unknown_name", f"'{name}' does not exist here; there are: {there} (input is the node's config)")
