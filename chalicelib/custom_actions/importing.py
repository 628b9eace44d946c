"""Importing an OpenAPI document: JSON or YAML in, one action for each operation, created or brought up to date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.errors import MillraceError, ValidationFailed
from chalicelib.core.jsontext import loads
from chalicelib.custom_actions import service
from chalicelib.custom_actions.openapi_document import Wishes, import_operations

MAX_YAML_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one operation: `created`, `updated`, `unchanged` or `skipped` with the reason."""

    operation: str
    type: str | None
    title: str | None
    outcome: str
    reason: str | None = None


def import_document(
    connection: Connection, workspace_id: str, document: Any, wishes: Wishes, only: list[str] | None, *, dry_run: bool
) -> list[Imported]:
    """Import every operation, or those named in `only` (`GET /pets/{id}`, or a type). Raises ValidationFailed when the document is none."""
    done = []
    for made in import_operations(read_document(document), wishes):
        if made.document is None:
            done.append(Imported(made.operation, None, None, "skipped", made.reason))
            continue
        type, title = made.document["type"], made.document["title"]
        if only is not None and made.operation not in only and type not in only:
            continue
        try:
            service.checked(connection, workspace_id, made.document)
            outcome = "new" if dry_run else service.put(connection, workspace_id, made.document)
        except ValidationFailed as error:
            first = error.errors[0]
            done.append(Imported(made.operation, type, title, "skipped", f"{first['path']}: {first['message']}"))
            continue
        done.append(Imported(made.operation, type, title, outcome))
    return done


def read_document(document: Any) -> Any:
    """An object as it is; text as JSON or YAML. Raises ValidationFailed."""
    if not isinstance(document, str):
        return document
    text = document.lstrip("\ufeff \r\n\t")
    try:
        return loads(text) if text.startswith("{") else _yaml(text)
    except MillraceError as error:
        raise ValidationFailed([{"path": "/document", "code": "not_readable", "message": error.detail}]) from None


def _yaml(text: str) -> Any:
    """Plain YAML: no aliases (which can make a document grow without bounds), no types but JSON's."""
    import yaml

    class Plain(yaml.SafeLoader):
        """Timestamps stay text, and aliases are refused."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise yaml.YAMLError("aliases (*name) are not supported here")
            return super().compose_node(parent, index)

    Plain.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return _as_json(yaml.load(text, Loader=Plain), 0)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        said = str(getattr(error, "problem", None) or error).splitlines()[0][:200]
        raise ValidationFailed([{"path": "/document", "code": "not_readable", "message": f"this is neither JSON nor YAML{where}: {said}"}]) from None


def _as_json(value: Any, depth: int) -> Any:
    if depth > MAX_YAML_DEPTH:
        raise ValueError("it nests too deep")
    if isinstance(value, dict):
        return {str(key): _as_json(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner, depth + 1) for inner in value]
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
