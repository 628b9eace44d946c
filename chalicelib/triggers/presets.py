"""Presets: configurations to begin a trigger with. Ours for well-known senders, and those that a workspace saved for itself. None holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from chalicelib.core import db
from chalicelib.core.clock import to_text
from chalicelib.core.errors import Conflict, NotFound, ValidationFailed
from chalicelib.core.ids import is_id, new_id
from chalicelib.core.jsontext import dumps, loads
from chalicelib.definitions.complaints import complaints
from chalicelib.registry.catalogue import trigger_types
from chalicelib.triggers import secrets as auth_kinds
from chalicelib.triggers.mapping import mapping_problems

_MAX = 500


@dataclass(frozen=True, slots=True)
class Preset:
    """What a trigger begins with. `needs` are the fields the user must add, as JSON Pointers into the config; `steps` what to do at the sender's side."""

    name: str
    type: str
    title: str
    description: str
    config: Mapping[str, Any]
    input: Any = None
    needs: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    example: Any = field(default=None)


def _first_of(*headers: str) -> str:
    """CEL: the first of these headers that came, else nothing."""
    text = "''"
    for header in reversed(headers):
        text = f"'{header}' in trigger.headers ? trigger.headers['{header}'] : {text}"
    return text


BUILT_IN = (
    Preset(
        "github", "api", "GitHub", "Events of a repository or an organisation, each delivery once.",
        {"auth": {"type": "github"}, "dedupe_key": _first_of("x-github-delivery")}, None, ("/auth/secret",),
        ("In the repository: Settings, Webhooks, Add webhook.", "Payload URL: this trigger's URL. Content type: application/json.",
         "Secret: the secret you enter here."),
        {"action": "opened", "repository": {"full_name": "octo/hello"}},
    ),
    Preset(
        "stripe", "api", "Stripe", "Events of a Stripe account, each event once.",
        {"auth": {"type": "stripe"}, "dedupe_key": "input.id"}, None, ("/auth/secret",),
        ("In the Stripe dashboard: Developers, Webhooks, Add endpoint, with this trigger's URL.", "Secret: the endpoint's signing secret, whsec_…"),
        {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {}}},
    ),
    Preset(
        "slack", "api", "Slack", "Events, commands and buttons of a Slack app, each once.",
        {
            "auth": {"type": "slack"},
            "dedupe_key": "has(input.event_id) ? input.event_id : has(input.trigger_id) ? input.trigger_id : ''",
        },
        None, ("/auth/secret",),
        ("In the app's settings: Event Subscriptions or Slash Commands, with this trigger's URL; Slack's question to it is answered.",
         "Secret: Basic Information, Signing Secret."),
        {"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_mention", "text": "hello"}},
    ),
    Preset(
        "shopify", "api", "Shopify", "Webhooks of a shop, each once.",
        {"auth": {"type": "shopify"}, "dedupe_key": _first_of("x-shopify-event-id", "shopify-event-id", "x-shopify-webhook-id", "shopify-webhook-id")}, None, ("/auth/secret",),
        ("In the app's settings: add a webhook subscription with this trigger's URL.", "Secret: the app's client secret."),
        {"id": 1, "email": "customer@example.com", "total_price": "123.45"},
    ),
    Preset(
        "standard-webhooks", "api", "Standard Webhooks", "Any sender that follows standardwebhooks.com; its ids make deliveries unique.",
        {"auth": {"type": "standard_webhooks"}}, None, ("/auth/secret",),
        ("Give the sender this trigger's URL.", "Secret: the one the sender shows, whsec_…"),
    ),
    Preset("every-hour", "schedule", "Every hour", "At the full hour.", {"cron": "0 * * * *"}),
    Preset("weekdays", "schedule", "On weekdays at nine", "Monday to Friday.", {"cron": "0 9 * * MON-FRI"}),
    Preset("month-end", "schedule", "On the last day of the month", "In the evening.", {"cron": "0 18 L * *"}),
    Preset("kafka-json", "kafka", "JSON records", "An execution for each record; what is no JSON is kept apart.", {"value": "json"}, None, ("/topic",)),
    Preset("on-failure", "workflow", "When a workflow fails", "To tell somebody or to clear up.", {"on": ["failed"]}, None, ("/workflow",)),
)  # fmt: skip

_INSERT = """
INSERT INTO trigger_presets (id, workspace_id, name, type, title, description, config, input)
VALUES (%(id)s, %(workspace_id)s, %(name)s, %(type)s, %(title)s, %(description)s, %(config)s, %(input)s)
ON CONFLICT (workspace_id, name) DO NOTHING
"""
_UPDATE = """
UPDATE trigger_presets SET title = %(title)s, description = %(description)s, config = %(config)s, input = %(input)s, updated_at = now()
WHERE id = %(id)s AND workspace_id = %(workspace_id)s
"""
_ALL = "SELECT * FROM trigger_presets WHERE workspace_id = %(workspace_id)s ORDER BY title, id LIMIT %(limit)s"
_ONE = "SELECT * FROM trigger_presets WHERE workspace_id = %(workspace_id)s AND (id = %(key)s OR name = %(key)s)"
_DELETE = "DELETE FROM trigger_presets WHERE workspace_id = %(workspace_id)s AND id = %(id)s"


def describe_types(connection: Connection, workspace_id: str) -> list[dict[str, Any]]:
    """Every trigger type with its presets, ours and then the workspace's."""
    shown = [show_built_in(preset) for preset in BUILT_IN]
    shown += [show(row) for row in db.rows(connection, _ALL, {"workspace_id": workspace_id, "limit": _MAX})]
    types = trigger_types()
    return [{**types[name].describe(), "presets": [preset for preset in shown if preset["type"] == name]} for name in sorted(types)]


def create(connection: Connection, workspace_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Save a preset. Raises ValidationFailed with every problem, Conflict `preset_name_taken`."""
    _check(fields["type"], fields["config"], fields["input"])
    values = _stored(fields) | {"id": new_id("tpr"), "workspace_id": workspace_id, "name": fields["name"], "type": fields["type"]}
    taken = any(preset.name == fields["name"] for preset in BUILT_IN)
    if taken or not db.run(connection, _INSERT, values):
        raise Conflict(f"there is a preset {fields['name']!r} already; choose another name", code="preset_name_taken")
    return get(connection, workspace_id, values["id"])


def get(connection: Connection, workspace_id: str, preset_id: str) -> dict[str, Any]:
    """A preset of the workspace. Raises NotFound."""
    return show(_row(connection, workspace_id, preset_id if is_id(preset_id, "tpr") else ""))


def patch(connection: Connection, workspace_id: str, preset_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the fields given: title, description, config, input. Triggers that began with it stay as they are."""
    changed = get(connection, workspace_id, preset_id) | dict(fields)
    _check(changed["type"], changed["config"], changed["input"])
    db.run(connection, _UPDATE, _stored(changed) | {"id": preset_id, "workspace_id": workspace_id})
    return get(connection, workspace_id, preset_id)


def delete(connection: Connection, workspace_id: str, preset_id: str) -> None:
    """Delete a preset; triggers that began with it stay. Raises NotFound."""
    if not is_id(preset_id, "tpr") or not db.run(connection, _DELETE, {"workspace_id": workspace_id, "id": preset_id}):
        raise NotFound("there is no preset of this id")


def applied(connection: Connection, workspace_id: str, name: str, type: str, config: Any, mapping: Any) -> tuple[Any, Any]:
    """A trigger's config and mapping, begun with a preset (by name or id): what is given goes before it, objects are merged. Raises ValidationFailed."""
    found = next((show_built_in(preset) for preset in BUILT_IN if preset.name == name), None)
    if found is None:
        row = db.row(connection, _ONE, {"workspace_id": workspace_id, "key": name})
        found = show(row) if row is not None else None
    if found is None or found["type"] != type:
        message = f"there is no preset {name[:80]!r} for triggers of the type {type!r}; GET /registry/triggers lists them"
        raise ValidationFailed([{"path": "/preset", "code": "unknown_preset", "message": message}])
    return _merged(found["config"], config), found["input"] if mapping is None else mapping


def _merged(base: Any, given: Any) -> Any:
    if not isinstance(base, Mapping) or not isinstance(given, Mapping):
        return given
    return {**base, **{name: _merged(base[name], value) if name in base else value for name, value in given.items()}}


def _row(connection: Connection, workspace_id: str, key: str) -> Mapping[str, Any]:
    found = db.row(connection, _ONE, {"workspace_id": workspace_id, "key": key}) if key else None
    if found is None:
        raise NotFound("there is no preset of this id")
    return found


def _check(type: str, config: Any, mapping: Any) -> None:
    """A preset may leave out what its user must add; what it says must be right, and no secret may stand in it."""
    problems = [{**problem, "path": "/input" + problem["path"]} for problem in mapping_problems(mapping)]
    spec = trigger_types().get(type)
    if spec is None:
        known = ", ".join(sorted(trigger_types()))
        raise ValidationFailed([{"path": "/type", "code": "unknown_trigger_type", "message": f"the types are {known}"}])
    auth = config.get("auth")
    for name in auth_kinds.SECRET_FIELDS if isinstance(auth, Mapping) else ():
        if auth.get(name) is not None:
            message = "a preset holds no secrets; give it to the trigger that is made from it"
            problems.append({"path": f"/config/auth/{name}", "code": "secret_in_preset", "message": message})
    try:
        spec.config_model.model_validate(config)
    except ValidationError as error:
        # `/config` itself: a rule about the whole, such as that a schedule needs one of three fields.
        found = complaints(error, "/config", auth_kinds.AUTH_KINDS)
        problems += [problem for problem in found if problem["code"] != "missing" and problem["path"] != "/config"]
    if problems:
        raise ValidationFailed(problems)


def _stored(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": fields["title"],
        "description": fields["description"],
        "config": dumps(fields["config"]),
        "input": None if fields["input"] is None else dumps(fields["input"]),
    }


def show(row: Mapping[str, Any]) -> dict[str, Any]:
    """A workspace's preset as the API answers it."""
    return {
        "id": row["id"],
        "name": row["name"],
        "type": row["type"],
        "title": row["title"],
        "description": row["description"],
        "config": loads(row["config"]),
        "input": None if row["input"] is None else loads(row["input"]),
        "needs": [],
        "steps": [],
        "example": None,
        "built_in": False,
        "created_at": to_text(row["created_at"]),
        "updated_at": to_text(row["updated_at"]),
    }


def show_built_in(preset: Preset) -> dict[str, Any]:
    """One of ours as the API answers it."""
    shown = asdict(preset)
    return {"id": preset.name} | shown | {"needs": list(preset.needs), "steps": list(preset.steps), "built_in": True}
