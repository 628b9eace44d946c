"""The schema: partitions by id, constraints on statuses, ended rows that cannot change."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from chalicelib.core.ids import bound, new_id
from infra.migrations.runner import upgrade
from tests.support.workflows import Database, definition, published, started


def test_the_bound_of_an_id_is_the_same_in_sql_and_in_python(database: Database) -> None:
    at = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
    assert database.one("SELECT id_bound(%(at)s) AS bound", at=at)["bound"] == bound("exe", at)
    assert bound("exe", at) <= new_id("exe")


def test_rows_of_this_month_stand_in_this_months_partition_and_none_in_the_rest(database: Database) -> None:
    started(database, published(database, definition({"id": "a", "type": "transform"})))
    found = database.one("SELECT tableoid::regclass::text AS partition FROM executions")["partition"]
    assert found == f"executions_{datetime.now(UTC):%Y_%m}"


@pytest.mark.own_database
def test_partitions_are_made_ahead_once(database: Database) -> None:
    assert database.one("SELECT ensure_partitions(3) AS made")["made"] == 0
    assert database.one("SELECT ensure_partitions(5) AS made")["made"] == 4


def test_a_status_that_does_not_exist_is_refused(database: Database) -> None:
    execution_id = started(database, published(database, definition({"id": "a", "type": "transform"})))
    with pytest.raises(psycopg.errors.CheckViolation):
        database.execute("UPDATE executions SET status = 'paused' WHERE id = %(id)s", {"id": execution_id})


@pytest.mark.parametrize("ended", ["succeeded", "failed", "cancelled"])
def test_an_ended_execution_never_changes(database: Database, ended: str) -> None:
    execution_id = started(database, published(database, definition({"id": "a", "type": "transform"})))
    database.execute(
        "UPDATE executions SET status = %(s)s, error = '{}', finished_at = now() WHERE id = %(id)s", {"s": ended, "id": execution_id}
    )
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute("UPDATE executions SET status = 'queued', finished_at = NULL WHERE id = %(id)s", {"id": execution_id})
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute("UPDATE executions SET output = '1' WHERE id = %(id)s", {"id": execution_id})


def things_of(database: Database, schema: str) -> set[str]:
    """Names of the tables and functions in a schema."""
    found = database.execute(
        """SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace(%(s)s) AND relkind IN ('r', 'p')
           UNION SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(%(s)s)""",
        {"s": schema},
    )
    return {row["name"] for row in found}


FOR_APPLICATIONS = {"start_execution", "new_execution_id"}


@pytest.mark.own_database
def test_everything_stands_in_one_schema_also_for_a_user_called_millrace(database: Database) -> None:
    assert database.one("SELECT current_user AS name")["name"] == "millrace"
    assert things_of(database, "millrace") == FOR_APPLICATIONS
    database.execute("SELECT ensure_partitions(9)")
    assert things_of(database, "millrace") == FOR_APPLICATIONS


@pytest.mark.own_database
def test_what_stood_apart_is_moved_and_an_applications_own_table_is_not(database: Database) -> None:
    before = things_of(database, "public")
    for name in ("audit_log", "node_rollups", "node_rollups_day", "members"):
        database.execute(f"ALTER TABLE {name} SET SCHEMA millrace")
    database.execute("ALTER FUNCTION note_occurrences() SET SCHEMA millrace")
    database.execute("CREATE TABLE millrace.mine (id int)")
    database.execute("UPDATE alembic_version SET version_num = '0024'")
    upgrade("0025", database_url=database.url)
    assert things_of(database, "millrace") == FOR_APPLICATIONS | {"mine"}
    assert things_of(database, "public") == before
