"""Rollups apart by level: days lie together, so that a question over months reads few pages, and what is too old by its level is found without a search."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"

APART = """
ALTER TABLE {table} RENAME TO {table}_before;
ALTER INDEX {table}_pkey RENAME TO {table}_before_pkey;
CREATE TABLE {table} (LIKE {table}_before INCLUDING CONSTRAINTS, PRIMARY KEY ({key})) PARTITION BY LIST (level);
CREATE TABLE {table}_minute PARTITION OF {table} FOR VALUES IN ('minute');
CREATE TABLE {table}_hour PARTITION OF {table} FOR VALUES IN ('hour');
CREATE TABLE {table}_day PARTITION OF {table} FOR VALUES IN ('day');
INSERT INTO {table} SELECT * FROM {table}_before;
DROP TABLE {table}_before;
"""
KEYS = {
    "execution_rollups": "workspace_id, level, bucket, workflow_id, version, trigger_id, status, error, slot",
    "node_rollups": "workspace_id, level, bucket, workflow_id, node_id, type, status, error, slot",
    "delivery_rollups": "workspace_id, level, bucket, workflow_id, channel, provider, what, reason",
    "trigger_rollups": "workspace_id, level, bucket, workflow_id, trigger_id, type, outcome, reason, slot",
}


def upgrade() -> None:
    """Move the rollups into a partition for each level."""
    cursor = op.get_bind().connection.cursor()
    for table, key in KEYS.items():
        cursor.execute(APART.format(table=table, key=key))
