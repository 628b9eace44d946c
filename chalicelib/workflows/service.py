"""Workflows: drafts that anyone may edit safely at the same time, and versions that never change once published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from chalicelib.core.errors import Conflict, NotFound, PreconditionFailed, PreconditionRequired, ValidationFailed
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.credentials import references
from chalicelib.custom_actions.service import types_for
from chalicelib.definitions.issues import Issue
from chalicelib.workflows import drafts, partial, repository
from chalicelib.workflows.etags import check_match

Row = Mapping[str, Any]
SHARES = {"low": 1, "normal": 4, "high": 16}  # of the workers, by settings.priority
LIVE_EXECUTIONS = "workflow_has_live_executions"
EDITABLE = ("slug", "name", "description", "labels", "enabled", "definition")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")


def is_slug(text: str) -> bool:
    """Whether a text may be a workflow's slug."""
    return _SLUG.match(text) is not None


def create(connection: Connection, workspace_id: str, fields: Row) -> Row:
    """Store a new draft. Raises ValidationFailed when it is not well formed and Conflict `slug_taken`; without a slug one is made from the name."""
    values = {"description": "", "labels": [], "enabled": True, **fields, "id": new_id("wf"), "workspace_id": workspace_id}
    values |= {"definition": drafts.to_text(values["definition"]), "labels": dumps(values["labels"])}
    if values.get("slug"):
        made = repository.insert(connection, values)
        if made is None:
            raise _slug_taken(values["slug"])
        return made
    while True:  # another request may take the slug between the look and the insert
        made = repository.insert(connection, values | {"slug": free_slug(connection, workspace_id, values["name"])})
        if made is not None:
            return made


def free_slug(connection: Connection, workspace_id: str, wish: str) -> str:
    """A slug made from a text, numbered when it is taken."""
    base = drafts.slug_from(wish)
    taken = repository.slugs_like(connection, workspace_id, base)
    return base if base not in taken else next(slug for n in range(2, len(taken) + 3) if (slug := f"{base}-{n}") not in taken)


def get(connection: Connection, workspace_id: str, workflow_id: str, *, lock: bool = False) -> Row:
    """A workflow with its draft. Raises NotFound."""
    found = repository.by_id(connection, workspace_id, workflow_id, lock=lock) if is_id(workflow_id, "wf") else None
    if found is None:
        raise NotFound("there is no workflow of this id")
    return found


def get_by_slug(connection: Connection, workspace_id: str, slug: str) -> Row:
    """A workflow by its slug. Raises NotFound."""
    found = repository.by_slug(connection, workspace_id, slug)
    if found is None:
        raise NotFound("there is no workflow of this slug")
    return found


def list_page(
    connection: Connection,
    workspace_id: str,
    after: str | None,
    limit: int,
    *,
    q: str | None = None,
    label: str | None = None,
    slug: str | None = None,
) -> Sequence[Row]:
    """Workflows without drafts, newest first; one more than `limit` when there are more."""
    return repository.page(connection, workspace_id, after, limit + 1, q, label, slug)


def patch(connection: Connection, workspace_id: str, workflow_id: str, fields: Row, if_match: str | None) -> Row:
    """Replace the fields given. A definition needs `if_match`, so that no save overwrites another unseen.

    Raises NotFound, PreconditionRequired, PreconditionFailed, ValidationFailed, Conflict `slug_taken`.
    """
    current = get(connection, workspace_id, workflow_id, lock=True)
    if if_match is not None:
        check_match(current, if_match)
    elif "definition" in fields:
        raise PreconditionRequired("changing the definition needs If-Match with the ETag of the draft you changed")
    return _replace(connection, current, fields)


def put_by_slug(
    connection: Connection, workspace_id: str, slug: str, fields: Row, *, if_match: str | None, only_create: bool
) -> tuple[Row, bool]:
    """Create or update by slug; says whether it created. What is not given stays as it is; saying again what is already so changes nothing.

    Raises PreconditionFailed when `if_match` is stale or, for `only_create`, when the workflow exists.
    """
    current = repository.by_slug(connection, workspace_id, slug, lock=True)
    if current is None and if_match is None:
        return create(connection, workspace_id, {**fields, "slug": slug}), True
    if current is None:
        raise PreconditionFailed("there is no workflow of this slug yet, so no ETag can match it")
    if only_create:
        raise PreconditionFailed("there is a workflow of this slug already")
    if if_match is not None:
        check_match(current, if_match)
    return _replace(connection, current, fields), False


def _replace(connection: Connection, current: Row, fields: Row) -> Row:
    values = {name: current[name] for name in EDITABLE} | dict(fields)
    if "definition" in fields:
        values["definition"] = drafts.to_text(fields["definition"])
    if all(values[name] == current[name] for name in EDITABLE):
        return current
    if values["slug"] != current["slug"] and repository.slug_taken(
        connection, current["workspace_id"], values["slug"], current["id"]
    ):
        raise _slug_taken(values["slug"])
    values |= {"id": current["id"], "workspace_id": current["workspace_id"], "labels": dumps(values["labels"])}
    return repository.update(connection, values)


def _slug_taken(slug: str) -> Conflict:
    return Conflict(f"there is a workflow with the slug {slug!r} already; choose another or update that one", code="slug_taken")


def delete(connection: Connection, workspace_id: str, workflow_id: str, if_match: str | None) -> None:
    """Delete a workflow, its versions and its triggers; its history stays. Raises Conflict while executions of it are live."""
    current = get(connection, workspace_id, workflow_id, lock=True)
    if if_match is not None:
        check_match(current, if_match)
    live = repository.live_executions(connection, workflow_id)
    if live:
        raise Conflict(
            f"{live} execution{'' if live == 1 else 's'} of this workflow {'is' if live == 1 else 'are'} still live; "
            "delete with cancel=true to cancel them first, or wait for their end",
            code=LIVE_EXECUTIONS,
            live=live,
        )
    repository.delete(connection, workspace_id, workflow_id)


def publish(connection: Connection, workspace_id: str, workflow_id: str, if_match: str | None) -> Row:
    """Freeze the draft as the next version, live at once: {version, created_at, definition_id}. Raises ValidationFailed with every error."""
    current = get(connection, workspace_id, workflow_id, lock=True)
    if if_match is not None:
        check_match(current, if_match)
    definition_id = freeze(connection, current)
    made = repository.publish(connection, workspace_id, workflow_id, definition_id, _share(current["definition"]))
    return {**made, "definition_id": definition_id}


def _share(definition: str) -> int:
    return SHARES[loads(definition).get("settings", {}).get("priority", "normal")]


def issues(connection: Connection, workflow: Row) -> list[Issue]:
    """Everything that is wrong with a workflow's draft, what it refers to included."""
    return issues_of(connection, workflow["workspace_id"], workflow["definition"], workflow["id"])


def issues_of(connection: Connection, workspace_id: str, text: str, workflow_id: str | None = None) -> list[Issue]:
    """Everything that is wrong with a definition in a workspace; `workflow_id` is that of the workflow it is the draft of, if it is one."""
    types = types_for(connection, workspace_id, text)
    found = list(drafts.issues_of(text, types))
    if '"credential"' in text or types.documents is not None:  # fields of a workspace's own types have other names
        found += references.find_issues(connection, workspace_id, workflow_id, loads(text)["nodes"], types.catalogue)
    return found


def examine(connection: Connection, workspace_id: str, definition: Any) -> list[dict[str, str]]:
    """Every issue of a definition that need not even be well formed. Changes nothing."""
    try:
        text = drafts.to_text(definition)
    except ValidationFailed as error:
        return drafts.malformed(error)
    return [drafts.shown(issue) for issue in issues_of(connection, workspace_id, text)]


def freeze(connection: Connection, workflow: Row) -> str:
    """An immutable copy of the draft as it is, which executions can be pinned to. Raises ValidationFailed with every error."""
    drafts.require_valid(issues(connection, workflow))
    definition_id = new_id("def")
    actions = types_for(connection, workflow["workspace_id"], workflow["definition"]).documents
    repository.insert_definition(connection, definition_id, workflow["workspace_id"], workflow["id"], workflow["definition"], actions)
    return definition_id


def freeze_draft(connection: Connection, workflow: Row) -> str:
    """Like `freeze`, but running the same draft again makes no further copy of it."""
    drafts.require_valid(issues(connection, workflow))
    actions = types_for(connection, workflow["workspace_id"], workflow["definition"]).documents
    return repository.same_definition(connection, workflow["id"], workflow["definition"], actions) or freeze(connection, workflow)


def draft_up_to(connection: Connection, workflow: Row, node_id: str) -> Row:
    """The workflow with a draft that ends with one of its nodes, and pinned outputs in place of nodes. Raises ValidationFailed for an unknown node."""
    types = types_for(connection, workflow["workspace_id"], workflow["definition"])
    try:
        definition = partial.up_to(loads(workflow["definition"]), node_id, types.catalogue)
    except KeyError:
        message = f"the draft has no node {node_id!r}"
        raise ValidationFailed([{"path": "/until", "code": "unknown_node", "message": message}]) from None
    return {**workflow, "definition": drafts.to_text(definition)}


def list_versions(connection: Connection, workspace_id: str, workflow_id: str, after: str | None, limit: int) -> Sequence[Row]:
    """Versions without bodies, newest first; one more than `limit` when there are more. Raises NotFound."""
    get(connection, workspace_id, workflow_id)
    number = int(after) if after and _NUMBER.match(after) else None
    return repository.versions(connection, workspace_id, workflow_id, number, limit + 1)


def get_version(connection: Connection, workspace_id: str, workflow_id: str, number: str) -> Row:
    """A version with its body as text. Raises NotFound."""
    get(connection, workspace_id, workflow_id)
    found = repository.version(connection, workspace_id, workflow_id, int(number)) if _NUMBER.match(number) else None
    if found is None:
        raise NotFound(f"this workflow has no version {number}" if _NUMBER.match(number) else "a version is a number")
    return found


def definition_of(connection: Connection, workspace_id: str, workflow_id: str, which: str) -> Any:
    """The body of a version, or of the draft for `draft`. Raises NotFound."""
    if which == "draft":
        return loads(get(connection, workspace_id, workflow_id)["definition"])
    return loads(get_version(connection, workspace_id, workflow_id, which)["definition"])


def rollback(connection: Connection, workspace_id: str, workflow_id: str, number: str) -> Row:
    """Make an earlier version live; the draft and the numbering stay. Raises NotFound."""
    get(connection, workspace_id, workflow_id, lock=True)
    version = get_version(connection, workspace_id, workflow_id, number)
    repository.set_live(connection, workspace_id, workflow_id, version["version"], _share(version["definition"]))
    return get(connection, workspace_id, workflow_id)
