"""/registry/triggers: the types of triggers with their presets, and presets of a workspace's own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer, Model, Name, Slug, Text
from chalicelib.api.registry import RegistryEntry
from chalicelib.api.replies import Reply, created, json_reply, no_content
from chalicelib.identity.roles import EDITOR, VIEWER
from chalicelib.triggers import presets

routes = Routes("registry")


class Preset(Answer):
    """What a trigger begins with: its config without secrets, what the user must add (`needs`), and what to do at the sender's side (`steps`)."""

    id: str
    name: str
    type: str
    title: str
    description: str
    config: dict[str, Any]
    input: Any
    needs: list[str]
    steps: list[str]
    example: Any
    built_in: bool


class TriggerTypeEntry(RegistryEntry):
    """A type of trigger."""

    presets: list[Preset]


class PresetCreate(Model):
    """A preset of the workspace's own. `config` may leave out what the user of the preset must add; it may hold no secret."""

    name: Slug
    type: str
    title: Name
    description: Annotated[Text, Field(max_length=2000)] = ""
    config: dict[str, Any] = Field(default_factory=dict)
    input: Any = None


class PresetPatch(Model):
    """The fields to replace."""

    title: Name = Field(default_factory=lambda: "")
    description: Annotated[Text, Field(max_length=2000)] = ""
    config: dict[str, Any] = Field(default_factory=dict)
    input: Any = None


@routes.route("GET", "/registry/triggers", role=VIEWER, answer=TriggerTypeEntry, listing=True)
def list_trigger_types(call: Call) -> Reply:
    """Every trigger type with its presets, ours and the workspace's. All of them come on one page."""
    return json_reply({"items": presets.describe_types(call.connection, call.workspace_id), "next_cursor": None})


@routes.route("POST", "/registry/triggers", role=EDITOR, body=PresetCreate, answer=Preset, status=201)
def create_trigger_preset(call: Call) -> Reply:
    """Save a preset for the workspace. Triggers are begun with it by `preset` in POST /triggers."""
    made = presets.create(call.connection, call.workspace_id, call.body.model_dump())
    return created(made, f"/registry/triggers/{made['id']}")


@routes.route("GET", "/registry/triggers/{id}", role=VIEWER, answer=Preset)
def get_trigger_preset(call: Call, id: str) -> Reply:
    """Read a preset of the workspace."""
    return json_reply(presets.get(call.connection, call.workspace_id, id))


@routes.route("PATCH", "/registry/triggers/{id}", role=EDITOR, body=PresetPatch, answer=Preset)
def patch_trigger_preset(call: Call, id: str) -> Reply:
    """Replace the fields given. Triggers that began with it stay as they are."""
    fields = {name: getattr(call.body, name) for name in call.body.model_fields_set}
    return json_reply(presets.patch(call.connection, call.workspace_id, id, fields))


@routes.route("DELETE", "/registry/triggers/{id}", role=EDITOR, status=204)
def delete_trigger_preset(call: Call, id: str) -> Reply:
    """Delete a preset of the workspace. Triggers that began with it stay as they are."""
    presets.delete(call.connection, call.workspace_id, id)
    return no_content()
