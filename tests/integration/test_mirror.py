"""What the mirror reads of triggers, and what it says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib.core.config import Settings
from chalicelib.core.db import transaction
from chalicelib.mirror.service import alarms_wanted, clock_of, run
from chalicelib.triggers.kafka_readers import judge
from tests.support.kafka_triggers import kafka_trigger
from tests.support.workflows import Database, Published, definition, published

pytestmark = pytest.mark.usefixtures("settings_env")
MADE = datetime(2026, 11, 24, 9, 0, 30, tzinfo=UTC)


@pytest.fixture
def workflow(database: Database) -> Published:
    return published(database, definition({"id": "step", "type": "transform", "config": {"assign": {"ok": "true"}}}))


def schedule(database: Database, workflow: Published, name: str, config: str, *, enabled: bool = True, ahead: bool = True) -> str:
    database.execute(
        """INSERT INTO triggers (id, workspace_id, workflow_id, type, config, enabled, created_at, planned_through, next_fire_at)
           SELECT %(name)s, workspace_id, id, 'schedule', %(config)s, %(enabled)s, %(made)s, now(), CASE WHEN %(ahead)s THEN now() + interval '1 day' END
           FROM workflows WHERE id = %(id)s""",
        {"name": name, "config": config, "enabled": enabled, "made": MADE, "ahead": ahead, "id": workflow.workflow_id},
    )
    return name


def test_schedules_with_something_ahead_have_an_alarm(database: Database, workflow: Published) -> None:
    schedule(database, workflow, "trg_hourly", '{"every_seconds": 3600}')
    schedule(database, workflow, "trg_berlin", '{"cron": "0 9 * * *", "timezone": "Europe/Berlin"}')
    schedule(database, workflow, "trg_disabled", '{"every_seconds": 3600}', enabled=False)
    schedule(database, workflow, "trg_over", '{"at": "2026-01-01T00:00:00Z"}', ahead=False)
    schedule(database, workflow, "trg_broken", '{"cron": "nonsense"}')  # the tick says what is wrong with it
    kafka_trigger(database, workflow, "orders")
    with transaction() as connection:
        found = {each.trigger_id: (each.expression, each.timezone) for each in alarms_wanted(connection, in_utc=False).values()}
        in_utc = {each.trigger_id: each.expression for each in alarms_wanted(connection, in_utc=True).values()}
    assert found == {"trg_hourly": ("cron(1 * * * ? *)", "UTC"), "trg_berlin": ("cron(0 9 * * ? *)", "Europe/Berlin")}
    assert in_utc["trg_berlin"] == "cron(0 7-8 * * ? *)"


def test_a_group_in_trouble_makes_its_triggers_unhealthy_until_it_is_read(database: Database, workflow: Published) -> None:
    own, shared, well = kafka_trigger(database, workflow, "orders"), kafka_trigger(database, workflow, "orders", group="shop"), kafka_trigger(database, workflow, "returns")
    database.execute("""UPDATE triggers SET config = replace(config, '": ', '":')""")  # as the product writes JSON

    def reasons() -> dict[str, str | None]:
        return {row["id"]: row["unhealthy_reason"] for row in database.execute("SELECT id, unhealthy_reason FROM triggers")}

    with transaction() as connection:
        judge(connection, {own: "PROBLEM: not\x00 authorized", "shop": "PROBLEM: no such cluster", well: None})
    assert reasons()[shared] == "reading Kafka: PROBLEM: no such cluster"
    assert "authorized" in str(reasons()[own])
    assert reasons()[well] is None
    with transaction() as connection:
        judge(connection, {own: None, "shop": None, well: None})
        judge(connection, {})
    assert set(reasons().values()) == {None}


def test_aws_out_of_reach_is_reported_and_nothing_is_raised(database: Database, workflow: Published) -> None:
    import boto3
    from botocore.config import Config

    def client(service: str) -> object:
        options = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url="http://127.0.0.1:9", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x", config=options)

    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    given = Settings(mirror="rules", fire_function=arn + "fire", kafka_function=arn + "kafka", kafka_bootstrap_servers="b:9092")
    kafka_trigger(database, workflow, "orders")
    report = run(given, client, lambda: True, batch_size=500, window_seconds=1)
    assert all("Could not connect" in each["error"] for each in report.values())


def test_where_alarms_stand_is_a_setting() -> None:
    assert clock_of(Settings(), lambda service: service) is None
    with pytest.raises(ValueError, match="MILLRACE_SCHEDULER_ROLE"):
        clock_of(Settings(mirror="scheduler", fire_function="arn"), lambda service: service)
    made = clock_of(Settings(mirror="scheduler", fire_function="arn", scheduler_role="role"), lambda service: service)
    assert made is not None
    assert not made.in_utc
