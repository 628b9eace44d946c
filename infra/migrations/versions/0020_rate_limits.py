"""Rate limits of nodes and credentials."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS = """
-- For each limit, the instants of its last turns, the newest last: at most `most` in any `per` seconds. Some lie ahead: reserved by executions that wait.
CREATE TABLE rate_buckets (
  key text COLLATE "C" PRIMARY KEY,
  turns timestamptz[] NOT NULL,
  most int NOT NULL,
  per double precision NOT NULL
) WITH (fillfactor = 50);
ALTER TABLE credentials ADD COLUMN rate_limit jsonb;
"""


def upgrade() -> None:
    """Add both."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
