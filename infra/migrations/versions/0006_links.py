"""Executions that belong to others: sub-workflows, hidden parts of loops, and events that executions wait for."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

LINKS = """
ALTER TABLE executions
  ADD COLUMN parent_id text COLLATE "C",      -- the execution that started this one
  ADD COLUMN parent_node text,                -- the node there that waits for its end; NULL: nobody waits
  ADD COLUMN parent_iteration text,
  ADD COLUMN part int,                        -- hidden: runs the items of parent_node's loop from this index on
  ADD COLUMN depth smallint NOT NULL DEFAULT 0;
CREATE INDEX executions_by_parent ON executions (parent_id, id) WHERE parent_id IS NOT NULL;

ALTER TABLE inbox DROP CONSTRAINT inbox_kind_check;
ALTER TABLE inbox ADD CONSTRAINT inbox_kind_check CHECK (kind IN ('cancel', 'wake', 'answer', 'child'));
"""

EVENTS = """
-- What was published. matched_at is NULL until every node that waited for it has been told.
CREATE TABLE events (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  name text NOT NULL,
  key text,
  payload text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  matched_at timestamptz
);
CREATE INDEX events_by_name ON events (workspace_id, name, created_at);
CREATE INDEX events_unmatched ON events (created_at) WHERE matched_at IS NULL;
CREATE INDEX events_by_age ON events (created_at);

-- Nodes that wait for an event, written by the save that lets them wait. `scope` holds what `match` reads beside the event.
CREATE TABLE event_waits (
  execution_id text COLLATE "C" NOT NULL,
  node_id text NOT NULL,
  iteration text NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  key text,
  match text,
  scope text NOT NULL,
  ready_at timestamptz NOT NULL,
  seed text NOT NULL,
  PRIMARY KEY (execution_id, node_id, iteration)
);
CREATE INDEX event_waits_by_name ON event_waits (workspace_id, name, key);
"""


def upgrade() -> None:
    """Add columns and tables."""
    cursor = op.get_bind().connection.cursor()
    for statements in (LINKS, EVENTS):
        cursor.execute(statements)
