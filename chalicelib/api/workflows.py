"""/workflows: drafts, versions, publishing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from sqlalchemy import Connection

from chalicelib.api.endpoint import Call, Routes, note_change
from chalicelib.api.models import Answer, Model, Name, Slug, Text, unset
from chalicelib.api.paging import listing, read_page
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.core.clock import to_text
from chalicelib.core.db import transaction
from chalicelib.core.errors import Conflict, ValidationFailed
from chalicelib.core.jsontext import loads
from chalicelib.engine.wake import wake
from chalicelib.identity.roles import EDITOR, VIEWER
from chalicelib.workflows import diff, drafts, executions, portable, service
from chalicelib.workflows.etags import etag_of, unchanged

routes = Routes("workflows")

CANCEL_SECONDS = 20.0  # how long a deletion waits for executions it has cancelled


Label = Annotated[Text, Field(min_length=1, max_length=100)]
Definition = Annotated[Any, Field(description="A definition in the workflow language; see /registry/actions for the node types")]


class WorkflowFields(Model):
    """What of a workflow can be written. A field that is left out is not the same as null, which none of them may be."""

    slug: Slug = unset()
    description: Annotated[Text, Field(max_length=10_000)] = unset()
    labels: Annotated[list[Label], Field(max_length=50)] = unset()
    enabled: bool = unset()

    @field_validator("labels")
    @classmethod
    def _once(cls, labels: list[str]) -> list[str]:
        return list(dict.fromkeys(labels))


class WorkflowCreate(WorkflowFields):
    """A new workflow."""

    name: Name
    definition: Definition


class WorkflowPatch(WorkflowFields):
    """The fields to replace."""

    name: Name = unset()
    definition: Definition = unset()


class DefinitionBody(Model):
    """A definition to look at."""

    definition: Definition


class WorkflowImport(Model):
    """A document made by export."""

    format: Literal["millrace-export/1"]
    name: Name
    slug: Slug | None = None
    description: Annotated[Text, Field(max_length=10_000)] = ""
    labels: Annotated[list[Label], Field(max_length=50)] = Field(default_factory=list)
    definition: Definition
    triggers: Annotated[list[portable.PortableTrigger], Field(max_length=100)] = Field(default_factory=list)


class Issue(Answer):
    """A problem of a definition; errors stop publishing, warnings do not."""

    path: str
    code: str
    message: str
    severity: Literal["error", "warning"]


class Workflow(Answer):
    """A workflow with its draft."""

    id: str
    slug: str
    name: str
    description: str
    labels: list[str]
    enabled: bool
    definition: dict[str, Any]
    revision: int
    live_version: int | None
    issues: list[Issue]
    created_at: str
    updated_at: str


class WorkflowSummary(Answer):
    """A workflow in a list, without its draft."""

    id: str
    slug: str
    name: str
    description: str
    labels: list[str]
    enabled: bool
    revision: int
    live_version: int | None
    created_at: str
    updated_at: str


class Validation(Answer):
    """What the validator found."""

    valid: bool
    issues: list[Issue]


class Version(Answer):
    """A published version."""

    workflow_id: str
    version: int
    live: bool
    created_at: str
    definition: dict[str, Any]


class VersionSummary(Answer):
    """A published version in a list."""

    workflow_id: str
    version: int
    live: bool
    created_at: str


class Diff(Answer):
    """What differs between two versions."""

    identical: bool
    nodes: dict[str, list[Any]]
    edges: dict[str, list[Any]]
    settings: list[Any]


class Export(Answer):
    """A workflow as one document, without secrets."""

    format: str
    name: str
    slug: str
    definition: dict[str, Any]
    triggers: list[dict[str, Any]]


class Imported(Workflow):
    """The new draft, and its triggers, which are disabled."""

    triggers: list[dict[str, Any]]
    warnings: list[str]


def summary(row: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow without its draft."""
    shown = {name: row[name] for name in ("id", "slug", "name", "description", "labels", "enabled", "revision", "live_version")}
    return shown | {"created_at": to_text(row["created_at"]), "updated_at": to_text(row["updated_at"])}


def resource(connection: Connection, row: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow with its draft and what the validator says of it."""
    issues = [drafts.shown(issue) for issue in service.issues(connection, row)]
    return {**summary(row), "definition": loads(row["definition"]), "issues": issues}


def _fields(body: WorkflowFields) -> dict[str, Any]:
    return {name: getattr(body, name) for name in body.model_fields_set}


def _tagged(call: Call, row: Mapping[str, Any]) -> Reply:
    return json_reply(resource(call.connection, row), headers={"ETag": etag_of(row)})


def _version(workflow_id: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "workflow_id": workflow_id,
        "version": row["version"],
        "live": bool(row["live"]),
        "created_at": to_text(row["created_at"]),
    }


@routes.route("POST", "/workflows", role=EDITOR, body=WorkflowCreate, answer=Workflow, status=201)
def create_workflow(call: Call) -> Reply:
    """Create a workflow. Its definition must be well formed; what else is wrong with it comes back in `issues`. Without a slug one is made from the name."""
    row = service.create(call.connection, call.workspace_id, _fields(call.body))
    return created(resource(call.connection, row), f"/workflows/{row['id']}", {"ETag": etag_of(row)})


@routes.route(
    "GET",
    "/workflows",
    role=VIEWER,
    answer=WorkflowSummary,
    listing=True,
    query={
        "q": {"type": "string", "description": "text that the name or the slug contains"},
        "label": {"type": "string", "description": "a label it has"},
        "slug": {"type": "string", "description": "exactly this slug"},
    },
)
def list_workflows(call: Call) -> Reply:
    """List workflows, newest first, without their definitions."""
    page = read_page(call.request, "workflows")
    q, label, slug = (call.request.first(name) for name in ("q", "label", "slug"))
    rows = service.list_page(call.connection, call.workspace_id, page.after, page.limit, q=q, label=label, slug=slug)
    return json_reply(listing(rows, page, "workflows", lambda row: row["id"], summary))


@routes.route("POST", "/workflows/validate", audited=False, role=VIEWER, body=DefinitionBody, answer=Validation)
def validate_definition(call: Call) -> Reply:
    """Say everything that is wrong with a definition. Changes nothing."""
    issues = service.examine(call.connection, call.workspace_id, call.body.definition)
    return json_reply({"valid": not any(issue["severity"] == "error" for issue in issues), "issues": issues})


@routes.route("POST", "/workflows/import", role=EDITOR, body=WorkflowImport, answer=Imported, status=201)
def import_workflow(call: Call) -> Reply:
    """Make a new workflow of an exported document. Nothing runs: the triggers come in disabled, and secrets must be set again."""
    document = call.body.model_dump()
    row, triggers, warnings = portable.import_document(call.connection, call.workspace_id, document)
    answer = {**resource(call.connection, row), "triggers": triggers, "warnings": warnings}
    return created(answer, f"/workflows/{row['id']}", {"ETag": etag_of(row)})


@routes.route("GET", "/workflows/{id}", role=VIEWER, answer=Workflow)
def get_workflow(call: Call, id: str) -> Reply:
    """Read a workflow with its draft, the draft's issues, and the ETag that a change of the draft must send."""
    row = service.get(call.connection, call.workspace_id, id)
    held = call.request.headers.get("if-none-match")
    if held and unchanged(row, held):
        return Reply(304, "", {"ETag": etag_of(row), "Cache-Control": "no-store"})
    return _tagged(call, row)


@routes.route("PATCH", "/workflows/{id}", role=EDITOR, body=WorkflowPatch, answer=Workflow)
def patch_workflow(call: Call, id: str) -> Reply:
    """Replace the fields given. A `definition` needs `If-Match` with the ETag of the draft that was changed: 428 without, 412 when it is stale."""
    if_match = call.request.headers.get("if-match")
    return _tagged(call, service.patch(call.connection, call.workspace_id, id, _fields(call.body), if_match))


@routes.route(
    "DELETE",
    "/workflows/{id}",
    role=EDITOR,
    status=204,
    audited=False,  # notes it itself
    transactional=False,
    query={"cancel": {"type": "string", "enum": ["true", "false"], "description": "cancel its live executions first, and wait for that"}},
)
def delete_workflow(call: Call, id: str) -> Reply:
    """Delete a workflow with its versions and triggers. Refused (409) while executions of it are live, unless `cancel=true` asks to cancel them; its history stays."""
    tag, wanted = call.request.headers.get("if-match"), call.request.first("cancel")
    if wanted not in (None, "true", "false"):
        raise ValidationFailed([{"path": "/cancel", "code": "enum", "message": "cancel is true or false"}])
    deadline = time.monotonic() + (CANCEL_SECONDS if wanted == "true" else 0.0)
    while True:
        try:
            with transaction() as connection:
                service.delete(connection, call.workspace_id, id, tag)
                note_change(call, connection, "delete_workflow")
            return no_content()
        except Conflict as conflict:
            if conflict.code != service.LIVE_EXECUTIONS or time.monotonic() >= deadline:
                raise
        with transaction() as connection:
            executions.cancel_all(connection, id)
        wake()
        time.sleep(0.1)


@routes.route("PUT", "/workflows/by-slug/{slug}", role=EDITOR, body=WorkflowCreate, answer=Workflow)
def put_workflow(call: Call, slug: str) -> Reply:
    """Create (201) or update (200) the workflow of this slug. `If-None-Match: *` only creates, `If-Match` only updates what it names."""
    fields = _fields(call.body)
    _require_slug(slug, fields.pop("slug", slug))
    headers = call.request.headers
    only_create = headers.get("if-none-match", "").strip() == "*"
    row, is_new = service.put_by_slug(
        call.connection, call.workspace_id, slug, fields, if_match=headers.get("if-match"), only_create=only_create
    )
    return created(resource(call.connection, row), f"/workflows/{row['id']}", {"ETag": etag_of(row)}) if is_new else _tagged(call, row)


def _require_slug(in_path: str, in_body: str) -> None:
    if in_path != in_body:
        raise ValidationFailed(
            [{"path": "/slug", "code": "slug_mismatch", "message": "the slug of the body is not the one of the path"}]
        )
    if not service.is_slug(in_path):
        message = "a slug is 1 to 63 of a-z 0-9 _ - and begins with a letter or a digit"
        raise ValidationFailed([{"path": "/slug", "code": "invalid_slug", "message": message}])


@routes.route("GET", "/workflows/by-slug/{slug}", role=VIEWER, answer=Workflow)
def get_workflow_by_slug(call: Call, slug: str) -> Reply:
    """Read the workflow of this slug."""
    return _tagged(call, service.get_by_slug(call.connection, call.workspace_id, slug))


@routes.route("POST", "/workflows/{id}/publish", role=EDITOR, body=Model, body_optional=True, answer=VersionSummary, status=201)
def publish_workflow(call: Call, id: str) -> Reply:
    """Freeze the draft as the next version, live at once. 422 with every error when it cannot run. `If-Match` publishes only the draft it names."""
    made = service.publish(call.connection, call.workspace_id, id, call.request.headers.get("if-match"))
    row = service.get(call.connection, call.workspace_id, id)
    answer = _version(id, {**made, "live": True})
    return created(answer, f"/workflows/{id}/versions/{made['version']}", {"ETag": etag_of(row)})


@routes.route("GET", "/workflows/{id}/versions", role=VIEWER, answer=VersionSummary, listing=True)
def list_versions(call: Call, id: str) -> Reply:
    """List the published versions, newest first, without their definitions."""
    page = read_page(call.request, "versions")
    rows = service.list_versions(call.connection, call.workspace_id, id, page.after, page.limit)
    return json_reply(listing(rows, page, "versions", lambda row: str(row["version"]), lambda row: _version(id, row)))


@routes.route("GET", "/workflows/{id}/versions/{n}", role=VIEWER, answer=Version)
def get_version(call: Call, id: str, n: str) -> Reply:
    """Read a version as it was published."""
    row = service.get_version(call.connection, call.workspace_id, id, n)
    return json_reply({**_version(id, row), "definition": loads(row["definition"])})


@routes.route("GET", "/workflows/{id}/versions/{n}/diff/{b}", role=VIEWER, answer=Diff)
def diff_versions(call: Call, id: str, n: str, b: str) -> Reply:
    """What differs between two versions, node by node; `draft` names the draft."""
    before, after = (service.definition_of(call.connection, call.workspace_id, id, which) for which in (n, b))
    return json_reply({"from": n, "to": b, **diff.compare(before, after)})


@routes.route("POST", "/workflows/{id}/versions/{n}/rollback", role=EDITOR, body=Model, body_optional=True, answer=Workflow)
def rollback_workflow(call: Call, id: str, n: str) -> Reply:
    """Make an earlier version live. The draft and the numbering stay as they are."""
    return _tagged(call, service.rollback(call.connection, call.workspace_id, id, n))


@routes.route("GET", "/workflows/{id}/export", role=VIEWER, answer=Export)
def export_workflow(call: Call, id: str) -> Reply:
    """The draft and the triggers as one document for `POST /workflows/import`, without any secret."""
    return json_reply(portable.export_document(call.connection, call.workspace_id, id))
