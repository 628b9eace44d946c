"""Concurrency keys: at most so many executions of a workflow with the same key at a time."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

CONCURRENCY = """
-- Locked first by whoever admits or releases: what is decided under this lock is decided one after the other.
CREATE TABLE concurrency_keys (
  workflow_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  PRIMARY KEY (workflow_id, key)
);

-- Executions that hold a place (held), and those that wait for one, in the order of their ids.
CREATE TABLE concurrency_slots (
  execution_id text COLLATE "C" PRIMARY KEY,
  workflow_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  places int NOT NULL CHECK (places > 0),
  held boolean NOT NULL
);
CREATE INDEX concurrency_slots_by_key ON concurrency_slots (workflow_id, key, held, execution_id);
"""


def upgrade() -> None:
    """Add the tables."""
    op.get_bind().connection.cursor().execute(CONCURRENCY)
