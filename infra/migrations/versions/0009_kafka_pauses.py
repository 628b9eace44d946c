"""Kafka triggers that stop reading until somebody looks, and what pollers say of their groups."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS = """
ALTER TABLE triggers ADD COLUMN paused_at timestamptz, ADD COLUMN failures_in_a_row int NOT NULL DEFAULT 0;

-- One row for each poller and group: how far behind it is, and what troubles it. Old rows say that their poller is gone.
CREATE TABLE kafka_readers (
  holder text NOT NULL,
  group_name text NOT NULL,
  trouble text,
  lag text NOT NULL,
  said_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (holder, group_name)
);
"""


def upgrade() -> None:
    """Add the columns and the table."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
