"""How the other sides of credentials are: one row for each credential and host."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE provider_health (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  credential_id text COLLATE "C" NOT NULL,             -- '' for calls without a credential
  host text COLLATE "C" NOT NULL,
  calls bigint NOT NULL DEFAULT 0,
  errors bigint NOT NULL DEFAULT 0,
  milliseconds bigint NOT NULL DEFAULT 0,
  failures int NOT NULL DEFAULT 0,                     -- in a row
  openings int NOT NULL DEFAULT 0,                     -- in a row, so that each is longer than the last
  opened_until timestamptz,
  last_error text,
  last_error_at timestamptz,
  last_success_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workspace_id, credential_id, host)
) WITH (fillfactor = 70);
CREATE INDEX provider_health_open ON provider_health (opened_until) WHERE opened_until IS NOT NULL;
CREATE INDEX provider_health_by_age ON provider_health (updated_at);
"""


def upgrade() -> None:
    """Create everything."""
    op.get_bind().connection.cursor().execute(TABLES)
