"""/triggers: made, shown, changed."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from chalicelib.core.db import transaction
from chalicelib.credentials.keys import SealFailed
from chalicelib.triggers import sealed_auth
from chalicelib.triggers.housekeeping import forget_old
from tests.support.api import ApiClient
from tests.support.workflows import Database


def create(api: ApiClient, type: str, config: Any, workflow_id: str | None = None, **fields: Any) -> Any:
    return api.post("/triggers", {"workflow_id": workflow_id or api.published()["id"], "type": type, "config": config, **fields})


def test_an_api_trigger_says_its_url_and_that_it_is_open(api: ApiClient) -> None:
    made = create(api, "api", {"path": "orders"})
    assert made.status == 201
    trigger = made.json
    assert trigger["url"].endswith("/api/trigger/orders")
    assert trigger["config"] == {"path": "orders", "methods": ["POST"], "auth": {"type": "open"}}
    assert "Anyone" in trigger["notices"][0]
    assert (trigger["state"], trigger["reason"], trigger["enabled"]) == ("active", None, True)
    assert made.headers["location"] == f"/api/triggers/{trigger['id']}"
    assert api.get(f"/triggers/{trigger['id']}").json == trigger


def test_without_a_path_it_gets_one_nobody_can_guess(api: ApiClient) -> None:
    paths = {create(api, "api", {}).json["config"]["path"] for _ in range(3)}
    assert len(paths) == 3
    assert all(re.fullmatch("[a-z0-9]{22}", path) for path in paths)


def test_a_path_belongs_to_one_trigger(api: ApiClient) -> None:
    create(api, "api", {"path": "mine"})
    taken = create(api, "api", {"path": "mine"})
    assert (taken.status, taken.code) == (409, "trigger_path_taken")
    other = create(api, "api", {"path": "other"}).json
    assert api.patch(f"/triggers/{other['id']}", {"config": {"path": "mine"}}).code == "trigger_path_taken"
    assert api.patch(f"/triggers/{other['id']}", {"config": {"path": "new"}}).json["url"].endswith("/new")


@pytest.mark.parametrize("path", ["Upper", "a/b", "", "a" * 64, "-a", "a b", "a\n", "é", "../x", "a%2Fb", 7])
def test_a_path_is_one_plain_segment(api: ApiClient, path: Any) -> None:
    answer = create(api, "api", {"path": path})
    assert answer.status == 422
    assert answer.json["errors"][0]["path"] == "/config/path"


def test_secrets_go_in_and_never_come_out(api: ApiClient) -> None:
    auth = {"type": "hmac", "header": "X-Hub-Signature-256", "secret": "canary-one", "previous_secret": "canary-two"}
    made = create(api, "api", {"auth": auth})
    shown = made.json["config"]["auth"]
    assert (shown["header"], shown["has_secret"]) == ("x-hub-signature-256", True)
    assert "secret" not in shown
    assert "previous_secret" not in shown
    path = f"/triggers/{made.json['id']}"
    answers = [made, api.get(path), api.get("/triggers"), api.patch(path, {"enabled": False})]
    assert not any(b"canary" in answer.body for answer in answers)


def test_patching_a_config_keeps_path_and_secret_it_does_not_name(api: ApiClient, database: Database) -> None:
    made = create(api, "api", {"path": "keep", "auth": {"type": "hmac", "secret": "first-secret"}}).json
    config = {"methods": ["PUT"], "auth": made["config"]["auth"] | {"header": "x-sig"}}
    changed = api.patch(f"/triggers/{made['id']}", {"config": config}).json
    assert changed["config"]["path"] == "keep"
    assert (changed["config"]["auth"]["header"], changed["config"]["auth"]["has_secret"]) == ("x-sig", True)
    assert "first-secret" not in database.one("SELECT config FROM triggers")["config"]
    stored = database.one("SELECT id, workspace_id, config FROM triggers")
    assert sealed_auth.opened(json.loads(stored["config"]), stored["workspace_id"], stored["id"])["auth"]["secret"] == "first-secret"
    with pytest.raises(SealFailed):  # bound to its trigger: a copied row does not open
        sealed_auth.opened(json.loads(stored["config"]), stored["workspace_id"], "trg_00000000000000000000000000")
    refused = api.patch(f"/triggers/{made['id']}", {"config": {"auth": {"type": "standard_webhooks"}}})
    assert refused.json["errors"][0]["path"] == "/config/auth/secret"
    opened = api.patch(f"/triggers/{made['id']}", {"config": {}}).json
    assert opened["config"]["auth"] == {"type": "open"}
    assert "first-secret" not in database.one("SELECT config FROM triggers")["config"]


def test_every_problem_is_named_with_its_path(api: ApiClient) -> None:
    config = {
        "methods": ["GET", "FLY"],
        "auth": {"type": "hmac", "secret": "short", "extra": 1},
        "dedupe_key": "1 +",
        "nonsense": True,
    }
    answer = create(api, "api", config, input={"a": "{{ nodes.x }}", "b": "{{ 1 + }}"})
    assert answer.status == 422
    found = {error["path"] for error in answer.json["errors"]}
    assert found == {
        "/config/methods/1",
        "/config/auth/secret",
        "/config/auth/extra",
        "/config/dedupe_key",
        "/config/nonsense",
        "/input/a",
        "/input/b",
    }


@pytest.mark.parametrize(
    "auth", [{"type": "secretless"}, {"type": "hmac"}, {}, "open", {"type": "standard_webhooks", "secret": "not base64!!"}]
)
def test_auth_is_one_of_the_kinds_and_complete(api: ApiClient, auth: Any) -> None:
    answer = create(api, "api", {"auth": auth})
    assert answer.status == 422
    assert answer.json["errors"][0]["path"].startswith("/config/auth")


def test_state_follows_trigger_workflow_and_publication(api: ApiClient) -> None:
    draft = api.workflow()
    trigger = create(api, "api", {}, draft["id"]).json
    path = f"/triggers/{trigger['id']}"
    assert (trigger["state"], trigger["reason"]) == ("inactive", "workflow_not_published")
    api.post(f"/workflows/{draft['id']}/publish")
    assert api.get(path).json["state"] == "active"
    api.patch(f"/workflows/{draft['id']}", {"enabled": False})
    assert api.get(path).json["reason"] == "workflow_disabled"
    assert api.patch(path, {"enabled": False}).json["reason"] == "trigger_disabled"


def test_a_schedule_says_when_it_fires_next(api: ApiClient) -> None:
    made = create(api, "schedule", {"cron": "0 9 * * MON", "timezone": "Europe/Berlin"})
    assert made.status == 201
    assert re.search(r"T0[78]:00:00\.000000Z$", made.json["next_fire_at"])
    assert (made.json["url"], made.json["config"]["misfire"]) == (None, "last")
    path = f"/triggers/{made.json['id']}"
    page = api.get(f"{path}/occurrences").json
    assert page["items"] == []
    assert len(page["upcoming"]) == 20
    assert page["upcoming"][0] == made.json["next_fire_at"]
    changed = api.patch(path, {"config": {"every_seconds": 3600}}).json
    assert changed["next_fire_at"] != made.json["next_fire_at"]
    assert api.patch(path, {"enabled": False}).json["next_fire_at"] is None
    assert api.patch(path, {"enabled": True}).json["next_fire_at"] is not None
    over = create(api, "schedule", {"at": "2001-01-01T00:00:00Z"}).json
    assert (over["state"], over["reason"]) == ("inactive", "schedule_ended")


def test_a_schedule_is_checked(api: ApiClient) -> None:
    for config in (
        {},
        {"cron": "nonsense"},
        {"cron": "* * * * *", "every_seconds": 5},
        {"at": "tomorrow"},
        {"cron": "0 9 * * *", "timezone": "Mars/Base"},
    ):
        answer = create(api, "schedule", config)
        assert (answer.status, answer.code) == (422, "validation_failed")
    assert api.get(f"/triggers/{create(api, 'api', {}).json['id']}/occurrences").code == "not_a_schedule"


def test_a_kafka_trigger_shows_its_group(api: ApiClient) -> None:
    made = create(api, "kafka", {"topic": "orders"}).json
    assert made["config"]["group"] == made["id"]
    assert (made["config"]["start"], made["skipped_records"]) == ("latest", 0)
    assert create(api, "kafka", {"topic": "bad topic"}).json["errors"][0]["path"] == "/config/topic"


def test_a_mapping_can_be_set_and_taken_away(api: ApiClient) -> None:
    made = create(api, "api", {}, input={"id": "{{ input.order.id }}"}).json
    assert made["input"] == {"id": "{{ input.order.id }}"}
    path = f"/triggers/{made['id']}"
    assert api.patch(path, {"enabled": False}).json["input"] == made["input"]
    assert api.patch(path, {"input": None}).json["input"] is None


def test_unknown_types_workflows_and_fields(api: ApiClient) -> None:
    workflow = api.published()
    wrong = api.post("/triggers", {"workflow_id": workflow["id"], "type": "pigeon", "config": {}})
    assert wrong.json["errors"][0]["code"] == "unknown_trigger_type"
    assert create(api, "api", {}, "wf_" + "0" * 26).code == "not_found"
    assert create(api, "api", {}, "nonsense").code == "not_found"
    assert api.post("/triggers", {"workflow_id": workflow["id"], "type": "api", "url": "x"}).json["errors"][0]["path"] == "/url"
    made = create(api, "api", {}).json
    assert api.patch(f"/triggers/{made['id']}", {"type": "kafka"}).json["errors"][0]["path"] == "/type"


def test_lists_filter_by_workflow_and_type(api: ApiClient) -> None:
    first, second = api.published(), api.published()
    a = create(api, "api", {}, first["id"]).json["id"]
    b = create(api, "schedule", {"every_seconds": 60}, first["id"]).json["id"]
    c = create(api, "api", {}, second["id"]).json["id"]

    def ids(query: str) -> list[str]:
        return [item["id"] for item in api.get(f"/triggers{query}").json["items"]]

    assert ids("") == [c, b, a]
    assert ids(f"?workflow_id={first['id']}") == [b, a]
    assert ids("?type=api") == [c, a]
    assert ids("?type=nothing") == []
    assert api.delete(f"/triggers/{b}").status == 204
    assert ids(f"?workflow_id={first['id']}") == [a]


def test_ledgers_of_triggers_are_kept_for_ninety_days(api: ApiClient, database: Database) -> None:
    trigger = api.door(api.published()["id"])["id"]
    database.execute("UPDATE triggers SET unhealthy_reason = 'broken' WHERE id = %(id)s", {"id": trigger})
    database.execute("UPDATE triggers SET unhealthy_reason = NULL WHERE id = %(id)s", {"id": trigger})
    database.execute("UPDATE trigger_health SET at = now() - interval '91 days'")
    database.execute(
        """INSERT INTO dead_letters (id, workspace_id, trigger_id, topic, partition, record_offset, record_timestamp, record, code, reason, created_at)
           SELECT 'dl_' || n, workspace_id, id, 't', 0, n, 0, '{}', 'c', 'r', now() - CASE WHEN n > 5 THEN interval '91 days' ELSE interval '89 days' END
           FROM triggers, generate_series(1, 9) n WHERE id = %(id)s""",
        {"id": trigger},
    )
    for expected in (3, 1, 0):
        with transaction() as connection:
            assert forget_old(connection, 3) == expected
    assert database.one("SELECT count(*) AS n FROM dead_letters")["n"] == 5
    assert [row["state"] for row in database.execute("SELECT state FROM trigger_health")] == ["healthy"]
