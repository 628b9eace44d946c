"""/registry: what can stand in a workflow, with the JSON Schemas from which forms are drawn."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.core.expressions import library
from chalicelib.custom_actions import importing, service
from chalicelib.custom_actions.documents import ActionDocument
from chalicelib.custom_actions.openapi_document import Wishes
from chalicelib.identity.roles import EDITOR, VIEWER
from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.documentation import page

routes = Routes("registry")


class RegistryEntry(Answer):
    """A type of node or trigger."""

    type: str
    title: str
    description: str
    kind: str
    icon: str
    ports: list[str]
    config_schema: dict[str, Any]
    output_schema: dict[str, Any]
    effect: Literal["pure", "effect"]
    retry: dict[str, Any] | None


class CustomEntry(RegistryEntry):
    """A node type of the workspace's own, with the document it is made of."""

    custom: Literal[True]
    version: int
    documentation: str
    document: dict[str, Any]
    created_at: str
    updated_at: str


class ActionPatch(Model):
    """The fields to replace; null takes one away. The type itself cannot change."""

    title: Annotated[str, Field(min_length=1, max_length=200)] = Field(default_factory=lambda: "")
    description: str | None = None
    documentation: str | None = None
    icon: str | None = None
    config_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    http: dict[str, Any] | None = None
    function: dict[str, Any] | None = None
    output: Any = None
    retry: dict[str, Any] | None = None
    example: dict[str, Any] | None = None


class OpenApiImport(Model):
    """An OpenAPI 3 document to make actions of."""

    document: Annotated[Any, Field(description="The document: an object, or JSON or YAML text.")]
    prefix: Annotated[str | None, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$", description="The first part of every type (default: from the title).")] = None
    server: Annotated[str | None, Field(pattern=r"^https?://", max_length=2000, description="The API's address, in place of the document's.")] = None
    credential: Annotated[str | None, Field(max_length=200, description="The credential that every action calls with; without, each node names its own.")] = None
    operations: Annotated[list[str] | None, Field(max_length=1000, description="Only these: `GET /pets/{id}` or a type.")] = None
    dry_run: bool = False


class ImportedAction(Answer):
    """What became of one operation."""

    operation: str
    type: str | None
    title: str | None
    outcome: Literal["created", "updated", "unchanged", "new", "skipped"]
    reason: str | None


class ActionVersion(Answer):
    """A version of an action; it never changes."""

    version: int
    created_at: str
    document: dict[str, Any]


@routes.route("GET", "/registry/actions", role=VIEWER, answer=RegistryEntry, listing=True)
def list_action_types(call: Call) -> Reply:
    """Every node type, built in, of installed packages and of the workspace's own (`custom`). All of them come on one page."""
    own = service.describe_all(call.connection, call.workspace_id)
    return json_reply({"items": [*catalogue().describe(), *own], "next_cursor": None})


@routes.route("POST", "/registry/actions", role=EDITOR, body=ActionDocument, answer=CustomEntry, status=201)
def create_action_type(call: Call) -> Reply:
    """Define a node type of the workspace's own: a templated HTTP call (`http`) or a `function`. It is in the palette at once, as version 1."""
    made = service.create(call.connection, call.workspace_id, call.body.as_document())
    return created(made, f"/registry/actions/{made['type']}")


@routes.route("POST", "/registry/actions/openapi", role=EDITOR, body=OpenApiImport, answer=ImportedAction, listing=True)
def import_openapi(call: Call) -> Reply:
    """Make one action of each operation of an OpenAPI 3 document. Importing it again brings them up to date; `dry_run` only says what would be made."""
    body = call.body
    wishes = Wishes(body.prefix, body.server, body.credential)
    done = importing.import_document(
        call.connection, call.workspace_id, body.document, wishes, body.operations, dry_run=body.dry_run
    )
    return json_reply({"items": [asdict(each) for each in done], "next_cursor": None})


@routes.route("GET", "/registry/actions/{type}", role=VIEWER, answer=RegistryEntry)
def get_action_type(call: Call, type: str) -> Reply:
    """Read one node type; of the workspace's own also its document."""
    built_in = catalogue().get(type)
    return json_reply(built_in.describe() if built_in else service.get(call.connection, call.workspace_id, type))


@routes.route("GET", "/registry/actions/{type}/documentation", role=VIEWER)
def get_action_documentation(call: Call, type: str) -> Reply:
    """A node type's page in Markdown, made of its description: what it does, an example, fields, output, ports, retries, error codes."""
    spec = catalogue().get(type) or service.spec_of(call.connection, call.workspace_id, type)
    return Reply(200, page(spec), {"Content-Type": "text/markdown; charset=utf-8", "Cache-Control": "no-store"})


@routes.route("PATCH", "/registry/actions/{type}", role=EDITOR, body=ActionPatch, answer=CustomEntry)
def patch_action_type(call: Call, type: str) -> Reply:
    """Change a node type of the workspace's own, as a new version. Workflows use it when they are published again; what is published keeps its version."""
    fields = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return json_reply(service.patch(call.connection, call.workspace_id, type, fields))


@routes.route("DELETE", "/registry/actions/{type}", role=EDITOR, status=204)
def delete_action_type(call: Call, type: str) -> Reply:
    """Take a node type of the workspace's own out of the palette. What is published with it goes on running."""
    service.delete(call.connection, call.workspace_id, type)
    return no_content()


@routes.route("GET", "/registry/actions/{type}/versions", role=VIEWER, answer=ActionVersion, listing=True)
def list_action_versions(call: Call, type: str) -> Reply:
    """Every version of a node type of the workspace's own, newest first. All of them come on one page."""
    return json_reply({"items": service.versions(call.connection, call.workspace_id, type), "next_cursor": None})


@routes.route("GET", "/registry/actions/{type}/export", role=VIEWER, answer=ActionDocument)
def export_action_type(call: Call, type: str) -> Reply:
    """The document of a node type of the workspace's own, as POST /registry/actions takes it. It names credentials and holds none."""
    return json_reply(service.get(call.connection, call.workspace_id, type)["document"])


class FunctionExample(Answer):
    """An expression and its value."""

    expression: str
    value: Any


class ExpressionFunction(Answer):
    """A function of expressions. `signatures` are `parameters -> result`; a method's first parameter is what it is called on."""

    name: str
    category: str
    summary: str
    method: bool
    signatures: list[str]
    examples: list[FunctionExample]


@routes.route("GET", "/registry/functions", role=VIEWER, answer=ExpressionFunction, listing=True, transactional=False)
def list_functions(call: Call) -> Reply:
    """Every function that expressions may use, the language's own included. All of them come on one page."""
    return json_reply({"items": library.describe(), "next_cursor": None})
