"""A workspace's own node types: made, changed (each change a new version), taken away, and found for the definitions that name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core.clock import to_text
from chalicelib.core.errors import Conflict, NotFound, ValidationFailed
from chalicelib.core.jsontext import dumps, loads
from chalicelib.credentials import references
from chalicelib.custom_actions import repository
from chalicelib.custom_actions.documents import ActionDocument, find_issues
from chalicelib.definitions.complaints import complaints
from chalicelib.definitions.issues import Issue
from chalicelib.registry.catalogue import ActionCatalogue, catalogue
from chalicelib.registry.custom import CustomSpec, specs_of

_TYPES = re.compile(r'"type":"([a-z][a-z0-9_.]{1,99})"')
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Types:
    """The node types a definition may use: the installation's and those of its workspace that it names. `documents` is the latter as JSON text, None when it
    names none: what a frozen definition keeps."""

    catalogue: ActionCatalogue
    documents: str | None = None


def types_for(connection: Connection, workspace_id: str, text: str) -> Types:
    """The types for a definition (its compact JSON text), each workspace type at its current version."""
    known = catalogue()
    wanted = sorted({name for name in _TYPES.findall(text) if "." in name and known.get(name) is None})
    found = repository.current(connection, workspace_id, wanted) if wanted else []
    if not found:
        return Types(known)
    documents = dumps([{**loads(row["document"]), "version": row["version"]} for row in found])
    return Types(known.with_types(specs_of(documents)), documents)


def create(connection: Connection, workspace_id: str, fields: Row) -> dict[str, Any]:
    """A new type, or a deleted one again, as its next version. Raises ValidationFailed and Conflict `type_taken`."""
    document = checked(connection, workspace_id, fields)
    version = repository.insert(connection, workspace_id, document["type"])
    if version is None:
        there = repository.lock(connection, workspace_id, document["type"])
        if there is not None and not there["deleted"]:
            raise Conflict(f"there is an action {document['type']!r} already; change that one (PATCH), or choose another type", code="type_taken")
        version = repository.raise_version(connection, workspace_id, document["type"])
    repository.add_version(connection, workspace_id, document["type"], version, dumps(document))
    return get(connection, workspace_id, document["type"])


def patch(connection: Connection, workspace_id: str, type: str, fields: Row) -> dict[str, Any]:
    """Replace the fields given, as a new version; the same again changes nothing. What is published keeps the version it was published with.

    Raises NotFound and ValidationFailed.
    """
    repository.lock(connection, workspace_id, type)
    old = loads(_row(connection, workspace_id, type)["document"])
    merged = {**old, **fields, "type": type}
    if "http" in fields and fields["http"] is not None and "function" not in fields:
        merged.pop("function", None)
    if "function" in fields and fields["function"] is not None and "http" not in fields:
        merged.pop("http", None)
    document = checked(connection, workspace_id, {name: value for name, value in merged.items() if value is not None or name == "output"})
    if document != old:
        version = repository.raise_version(connection, workspace_id, type)
        repository.add_version(connection, workspace_id, type, version, dumps(document))
    return get(connection, workspace_id, type)


def put(connection: Connection, workspace_id: str, document: Row) -> str:
    """Create or change: `created`, `updated` or `unchanged`. Raises ValidationFailed."""
    found = repository.current(connection, workspace_id, [document["type"]])
    if not found:
        create(connection, workspace_id, document)
        return "created"
    shown = patch(connection, workspace_id, document["type"], document)
    return "unchanged" if shown["version"] == found[0]["version"] else "updated"


def delete(connection: Connection, workspace_id: str, type: str) -> None:
    """Take a type out of the palette. What is published with it goes on running. Raises NotFound."""
    if not repository.delete(connection, workspace_id, type):
        raise _unknown(type)


def get(connection: Connection, workspace_id: str, type: str) -> dict[str, Any]:
    """A type as the registry describes it, with its document. Raises NotFound."""
    row = _row(connection, workspace_id, type)
    document = loads(row["document"])
    return {**_described(row), "document": document, "created_at": to_text(row["created_at"]), "updated_at": to_text(row["updated_at"])}


def spec_of(connection: Connection, workspace_id: str, type: str) -> CustomSpec:
    """A type at its current version. Raises NotFound."""
    return _spec(_row(connection, workspace_id, type))


def describe_all(connection: Connection, workspace_id: str) -> list[dict[str, Any]]:
    """Every type of the workspace, as the registry describes it."""
    return [_described(row) for row in repository.current(connection, workspace_id)]


def versions(connection: Connection, workspace_id: str, type: str) -> list[dict[str, Any]]:
    """All versions of a type, newest first: {version, created_at, document}. Raises NotFound."""
    _row(connection, workspace_id, type)
    return [
        {"version": row["version"], "created_at": to_text(row["created_at"]), "document": loads(row["document"])}
        for row in repository.versions(connection, workspace_id, type)
    ]


def checked(connection: Connection, workspace_id: str, fields: Row) -> dict[str, Any]:
    """A document that can be stored, the credentials it names included. Raises ValidationFailed with every problem."""
    try:
        document = ActionDocument.model_validate(fields).as_document()
    except ValidationError as error:
        raise ValidationFailed(complaints(error)) from None
    found = [*find_issues(document, catalogue()), *_credential_issues(connection, workspace_id, document)]
    issues = [issue for issue in found if issue.severity == "error"]
    if issues:
        raise ValidationFailed([{"path": issue.path, "code": issue.code, "message": issue.message} for issue in issues])
    return document


def _credential_issues(connection: Connection, workspace_id: str, document: Row) -> Iterator[Issue]:
    """Problems of the credentials that the call names by itself. Which workflows may use them is asked when one is published, or runs."""
    if "http" not in document:
        return
    nodes = [{"type": "http.request", "config": document["http"]}]
    for issue in references.find_issues(connection, workspace_id, None, nodes, catalogue()):
        if issue.code != "credential_not_allowed":
            yield replace(issue, path=issue.path.replace("/nodes/0/config", "/http", 1))


def _described(row: Row) -> dict[str, Any]:
    return _spec(row).describe()


def _spec(row: Row) -> CustomSpec:
    return specs_of(dumps([{**loads(row["document"]), "version": row["version"]}]))[row["type"]]


def _row(connection: Connection, workspace_id: str, type: str) -> Row:
    found = repository.current(connection, workspace_id, [type])
    if not found:
        raise _unknown(type)
    return found[0]


def _unknown(type: str) -> NotFound:
    built_in = " (it is built in, and cannot be changed)" if type in catalogue().types() else ""
    return NotFound(f"this workspace has no action of its own of the type {type[:100]!r}{built_in}")
