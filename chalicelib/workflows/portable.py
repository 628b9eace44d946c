"""A workflow as one JSON document, out and in again. Secrets never leave; nothing that comes in runs before somebody enables it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from chalicelib.core.errors import Conflict, ValidationFailed
from chalicelib.core.jsontext import loads
from chalicelib.credentials.references import name_by_slug
from chalicelib.custom_actions.service import types_for
from chalicelib.triggers import service as triggers
from chalicelib.workflows import repository, service

FORMAT = "millrace-export/1"
MAX_TRIGGERS = 100


class PortableTrigger(BaseModel):
    """A trigger within an exported workflow."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Annotated[str, Field(max_length=50)]
    config: dict[str, Any]
    input: Any = None
    enabled: bool = False


def export_document(connection: Connection, workspace_id: str, workflow_id: str) -> dict[str, Any]:
    """The draft and the triggers; credentials are named by slug. Raises NotFound."""
    workflow = service.get(connection, workspace_id, workflow_id)
    definition = loads(workflow["definition"])
    types = types_for(connection, workspace_id, workflow["definition"])
    name_by_slug(connection, workspace_id, definition["nodes"], types.catalogue)
    found = triggers.list_page(connection, workspace_id, None, MAX_TRIGGERS - 1, workflow_id=workflow_id)
    return {
        "format": FORMAT,
        "name": workflow["name"],
        "slug": workflow["slug"],
        "description": workflow["description"],
        "labels": workflow["labels"],
        "definition": definition,
        "triggers": [_exported(triggers.show(row)) for row in reversed(found)],
    }


def _exported(trigger: dict[str, Any]) -> dict[str, Any]:
    config = dict(trigger["config"])
    if config.get("group") == trigger["id"]:
        del config["group"]  # the default: the id, which the imported trigger will not have
    if "auth" in config:
        config["auth"] = {name: value for name, value in config["auth"].items() if name != "has_secret"}
    return {"type": trigger["type"], "config": config, "input": trigger["input"], "enabled": trigger["enabled"]}


def import_document(
    connection: Connection, workspace_id: str, document: dict[str, Any]
) -> tuple[Any, list[dict[str, Any]], list[str]]:
    """Make a new workflow of a document: its row, its triggers as shown (all disabled), and what the user should know.

    A slug that is taken is numbered, a path that is taken replaced by a random one. Raises ValidationFailed.
    """
    warnings: list[str] = []
    fields = {name: document[name] for name in ("name", "description", "labels", "definition")}
    wish = document["slug"]
    slug = wish if wish and repository.by_slug(connection, workspace_id, wish) is None else None
    if slug is None:
        slug = service.free_slug(connection, workspace_id, wish or document["name"])
        if wish:
            warnings.append(f"the slug {wish!r} is taken; the workflow is {slug!r} here")
    workflow = service.create(connection, workspace_id, {**fields, "slug": slug})
    made = []
    for n, entry in enumerate(document["triggers"]):
        try:
            made.append(_import_trigger(connection, workspace_id, workflow["id"], entry, warnings))
        except ValidationFailed as error:
            if [problem["code"] for problem in error.errors] == ["unknown_workflow"]:
                warnings.append(f"a trigger that listens to {entry['config'].get('workflow')!r} was left out: there is no such workflow here")
                continue
            raise ValidationFailed([{**problem, "path": f"/triggers/{n}{problem['path']}"} for problem in error.errors]) from None
    return workflow, [triggers.show(row) for row in made], warnings


def _import_trigger(connection: Connection, workspace_id: str, workflow_id: str, entry: dict[str, Any], warnings: list[str]) -> Any:
    wanted = {
        "workflow_id": workflow_id,
        "type": entry["type"],
        "mapping": entry["input"],
        "enabled": False,
        "secrets_required": False,
    }
    try:
        row = triggers.create(connection, workspace_id, config=entry["config"], **wanted)
    except Conflict:
        row = triggers.create(connection, workspace_id, config={**entry["config"], "path": None}, **wanted)
        warnings.append(f"the trigger path {entry['config'].get('path')!r} is taken; this one got a path of its own: {row['path']}")
    if triggers.needs_secret(row):
        warnings.append(f"trigger {row['id']} needs its secret set before it is enabled")
    return row
