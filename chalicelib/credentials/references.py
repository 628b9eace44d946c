"""The credentials a definition names: whether they exist, fit, and may be used there. Publishing asks; a run checks again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.expressions import suggestion
from chalicelib.credentials import repository
from chalicelib.credentials.binding import host_allowed, host_refusal
from chalicelib.credentials.catalogue import credential_types
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.pointers import value_at
from chalicelib.registry.catalogue import ActionCatalogue
from chalicelib.registry.references import Reference, find_references

Named = list[tuple[str, Mapping[str, Any], Reference]]


def find_issues(
    connection: Connection, workspace_id: str, workflow_id: str | None, nodes: Sequence[Mapping[str, Any]], catalogue: ActionCatalogue
) -> list[Issue]:
    """Every problem with the credentials that these nodes name, paths into the definition. Raises nothing for what cannot be read: others say so."""
    named = _named(nodes, catalogue)
    if not named:
        return []
    found = repository.by_refs(connection, workspace_id, sorted({reference.ref for _, _, reference in named}))
    known = {row["slug"]: row for row in found} | {row["id"]: row for row in found}
    slugs = _slugs(connection, workspace_id) if any(reference.ref not in known for _, _, reference in named) else []
    return [
        issue
        for path, config, reference in named
        for issue in _issues(path + reference.path, config, reference, known.get(reference.ref), workflow_id, slugs)
    ]


def _named(nodes: Sequence[Mapping[str, Any]], catalogue: ActionCatalogue) -> Named:
    named: Named = []
    for index, node in enumerate(nodes):
        spec = catalogue.get(node.get("type", ""))
        config = node.get("config")
        if spec is not None and isinstance(config, Mapping):
            named += [(f"/nodes/{index}/config", config, reference) for reference in find_references(config, spec.config_schema())]
            inner = config.get("body")
            if isinstance(inner, Mapping) and isinstance(inner.get("nodes"), list):  # a loop's body
                named += [(f"/nodes/{index}/config/body{path}", deep, ref) for path, deep, ref in _named(inner["nodes"], catalogue)]
    return named


def name_by_slug(connection: Connection, workspace_id: str, nodes: Sequence[Mapping[str, Any]], catalogue: ActionCatalogue) -> None:
    """Name credentials by slug where they are named by id, in place: an id means nothing elsewhere."""
    named = _named(nodes, catalogue)
    found = repository.by_refs(connection, workspace_id, sorted({reference.ref for _, _, reference in named}))
    slugs = {row["id"]: row["slug"] for row in found}
    for _, config, reference in named:
        if reference.ref in slugs:
            parent, _, last = reference.path.rpartition("/")
            holder: Any = value_at(config, parent) if parent else config
            holder[int(last) if isinstance(holder, list) else last.replace("~1", "/").replace("~0", "~")] = slugs[reference.ref]


def _issues(
    path: str, config: Mapping[str, Any], reference: Reference, row: Mapping[str, Any] | None, workflow_id: str | None, slugs: Sequence[str]
) -> list[Issue]:
    if row is None:
        message = f"there is no credential {reference.ref[:80]!r}.{suggestion(reference.ref, slugs)}"
        return [Issue(path, "unknown_credential", message)]
    spec = credential_types().get(row["type"])
    if spec is None or (reference.kinds and spec.kind not in reference.kinds and spec.type not in reference.kinds):
        message = f"the credential {row['name']!r} is of type {row['type']}; this field needs one for {' or '.join(reference.kinds)}"
        return [Issue(path, "credential_wrong_type", message)]
    if row["workflows"] is not None and workflow_id not in row["workflows"]:
        message = f"the credential {row['name']!r} is bound to other workflows; add this one to it, or use another"
        return [Issue(path, "credential_not_allowed", message)]
    issues = []
    if spec.grant == "authorization_code" and not row["granted_at"]:
        message = f"nobody has connected the credential {row['name']!r} yet; open it and choose Connect"
        issues.append(Issue(path, "credential_not_connected", message, "warning"))
    return [*issues, *_host_issues(path, config, row)]


def _host_issues(path: str, config: Mapping[str, Any], row: Mapping[str, Any]) -> list[Issue]:
    """Where the node's URL is plain text, whether the credential may be sent there."""
    url = config.get("url")
    if not isinstance(url, str) or "{{" in url:
        return []
    try:
        target = parse_url(url)
    except (EgressDenied, InvalidUrl):
        return []
    if host_allowed(row["hosts"], target.host, target.port):
        return []
    return [Issue(path, "credential_host_denied", host_refusal(row["name"], row["hosts"], target.host))]


def _slugs(connection: Connection, workspace_id: str) -> list[str]:
    return [row["slug"] for row in repository.page(connection, workspace_id, None, 200, None)]
