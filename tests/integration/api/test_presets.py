"""/registry/triggers: presets of ours and of a workspace, and triggers that begin with them."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.registry.catalogue import trigger_types
from chalicelib.triggers.presets import BUILT_IN, Preset
from tests.support.api import ApiClient
from tests.support.workflows import Database

NEEDED = {"/auth/secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==", "/topic": "orders", "/workflow": "order"}


def completed(preset: Preset) -> dict[str, Any]:
    """The preset's config with what its user must add."""
    config: dict[str, Any] = {**preset.config, "auth": {**preset.config["auth"]}} if "auth" in preset.config else {**preset.config}
    for pointer in preset.needs:
        *path, last = pointer.strip("/").split("/")
        target = config
        for name in path:
            target = target[name]
        target[last] = NEEDED[pointer]
    return config


@pytest.mark.parametrize("preset", BUILT_IN, ids=lambda preset: preset.name)
def test_each_of_ours_is_a_valid_config_once_completed(preset: Preset) -> None:
    model = trigger_types()[preset.type].config_model
    model.model_validate(completed(preset))
    assert "secret" not in str(preset.config)


def test_types_are_listed_with_their_presets(api: ApiClient) -> None:
    entries = {entry["type"]: entry for entry in api.get("/registry/triggers").json["items"]}
    assert set(entries) == {"api", "schedule", "kafka", "workflow"}
    names = {preset["name"]: preset for preset in entries["api"]["presets"]}
    assert {"github", "stripe", "slack", "shopify", "standard-webhooks"} <= set(names)
    assert (names["github"]["built_in"], names["github"]["needs"]) == (True, ["/auth/secret"])
    assert entries["schedule"]["presets"][0]["config"]["cron"]


def test_a_trigger_begins_with_a_preset(api: ApiClient) -> None:
    workflow = api.published()["id"]
    body = {"workflow_id": workflow, "type": "api", "preset": "github", "config": {"auth": {"secret": "a-good-secret"}, "path": "hooks"}}
    made = api.post("/triggers", body)
    assert made.status == 201, made.body
    assert made.json["config"]["auth"] == {"type": "github", "has_secret": True}
    assert "x-github-delivery" in made.json["config"]["dedupe_key"]
    missing = api.post("/triggers", {"workflow_id": workflow, "type": "api", "preset": "github"})
    assert missing.json["errors"][0]["path"] == "/config/auth/secret"
    for wrong in ({"type": "api", "preset": "nothing"}, {"type": "kafka", "preset": "github"}):
        answer = api.post("/triggers", {"workflow_id": workflow, **wrong})
        assert answer.json["errors"][0]["path"] == "/preset"
    scheduled = api.post("/triggers", {"workflow_id": workflow, "type": "schedule", "preset": "weekdays", "config": {"timezone": "Europe/Berlin"}})
    assert (scheduled.json["config"]["cron"], scheduled.json["config"]["timezone"]) == ("0 9 * * MON-FRI", "Europe/Berlin")


def test_a_workspace_saves_its_own(api: ApiClient, database: Database) -> None:
    body = {
        "name": "partner",
        "type": "api",
        "title": "Our partner",
        "config": {"auth": {"type": "hmac", "header": "X-Partner-Sig", "algorithm": "sha512"}, "rate_limit": {"limit": 5}},
        "input": {"order": "{{ input.id }}"},
    }
    made = api.post("/registry/triggers", body)
    assert made.status == 201, made.body
    at = made.headers["location"].removeprefix("/api")
    assert api.get(at).json == made.json
    assert api.post("/registry/triggers", body).code == "preset_name_taken"
    assert api.post("/registry/triggers", {**body, "name": "github"}).code == "preset_name_taken"
    begun = api.post("/triggers", {"workflow_id": api.published()["id"], "type": "api", "preset": "partner", "config": {"auth": {"secret": "12345678"}}})
    assert (begun.json["config"]["auth"]["algorithm"], begun.json["input"]) == ("sha512", {"order": "{{ input.id }}"})
    assert api.patch(at, {"title": "Partner", "input": None}).json["input"] is None
    listed = next(entry for entry in api.get("/registry/triggers").json["items"] if entry["type"] == "api")["presets"]
    assert [preset["title"] for preset in listed if not preset["built_in"]] == ["Partner"]
    database.execute("INSERT INTO workspaces (id, slug, name) VALUES ('ws_00000000000000000000000001', 'other', 'Other')")
    database.execute("UPDATE trigger_presets SET workspace_id = 'ws_00000000000000000000000001'")
    assert api.get(at).status == 404
    assert api.patch(at, {"title": "x"}).status == 404
    assert api.delete(at).status == 404
    database.execute("UPDATE trigger_presets SET workspace_id = 'ws_00000000000000000000000000'")
    assert api.delete(at).status == 204
    assert api.get(at).status == 404


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"config": {"auth": {"type": "hmac", "secret": "a-good-secret"}}}, "/config/auth/secret", "secret_in_preset"),
        ({"config": {"auth": {"type": "magic"}}}, "/config/auth", "not_allowed"),
        ({"config": {"nonsense": 1}}, "/config/nonsense", "unknown_field"),
        ({"config": {"rate_limit": {"limit": 0}}}, "/config/rate_limit/limit", "greater_than_equal"),
        ({"type": "fax"}, "/type", "unknown_trigger_type"),
        ({"input": "{{ 1 + }}"}, "/input", "expression_error"),
        ({"type": "schedule", "config": {"cron": "61 * * * *"}}, "/config/cron", "invalid_value"),
        ({"name": "Not A Slug"}, "/name", "invalid_value"),
    ],
)
def test_what_is_wrong_with_a_preset_is_named(api: ApiClient, change: dict[str, Any], path: str, code: str) -> None:
    answer = api.post("/registry/triggers", {"name": "mine", "type": "api", "title": "Mine", "config": {}} | change)
    assert answer.status == 422
    assert (answer.json["errors"][0]["path"], answer.json["errors"][0]["code"]) == (path, code)


def test_a_preset_may_leave_out_what_its_user_adds(api: ApiClient) -> None:
    for type, config in (("schedule", {"timezone": "Europe/Berlin"}), ("kafka", {"value": "json"}), ("workflow", {}), ("api", {"auth": {"type": "basic"}})):
        made = api.post("/registry/triggers", {"name": f"begin-{type}", "type": type, "title": "Begin", "config": config})
        assert made.status == 201, made.body
