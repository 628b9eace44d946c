"""Node types of a workspace's own, in versions; and in each frozen definition those it was frozen with."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE custom_actions (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  type text COLLATE "C" NOT NULL,
  version int NOT NULL,
  deleted boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, type)
);
CREATE TABLE custom_action_versions (
  workspace_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  version int NOT NULL CHECK (version > 0),
  document text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, type, version),
  FOREIGN KEY (workspace_id, type) REFERENCES custom_actions ON DELETE CASCADE
);
ALTER TABLE definitions ADD COLUMN actions text;
"""


def upgrade() -> None:
    """Create everything."""
    op.get_bind().connection.cursor().execute(TABLES)
