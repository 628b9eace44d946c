"""When an execution went on with another version of its workflow: history explains why early nodes ran by another definition."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS = """
CREATE TABLE execution_moves (
  execution_id text COLLATE "C" NOT NULL,
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  workspace_id text COLLATE "C" NOT NULL,
  from_definition_id text COLLATE "C" NOT NULL,
  from_version int,
  to_definition_id text COLLATE "C" NOT NULL,
  to_version int NOT NULL,
  moved_by text NOT NULL,
  PRIMARY KEY (execution_id, moved_at)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
