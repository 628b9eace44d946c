"""/registry: what can stand in a workflow, with the JSON Schemas from which forms are drawn."""

from __future__ import annotations

from typing import Any, Literal

from chalicelib.api.endpoint import Call, Routes
from chalicelib.api.models import Answer
from chalicelib.api.replies import Reply, json_reply
from chalicelib.identity.roles import VIEWER
from chalicelib.registry.catalogue import catalogue, trigger_types

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


@routes.route("GET", "/registry/actions", role=VIEWER, answer=RegistryEntry, listing=True, transactional=False)
def list_action_types(call: Call) -> Reply:
    """Every node type. All of them come on one page."""
    return json_reply({"items": catalogue().describe(), "next_cursor": None})


@routes.route("GET", "/registry/triggers", role=VIEWER, answer=RegistryEntry, listing=True, transactional=False)
def list_trigger_types(call: Call) -> Reply:
    """Every trigger type. All of them come on one page."""
    types = trigger_types()
    return json_reply({"items": [types[name].describe() for name in sorted(types)], "next_cursor": None})
