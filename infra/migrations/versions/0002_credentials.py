"""Credentials: sealed secrets, the access tokens got with them, and OAuth consents under way."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

CREDENTIALS = """
CREATE TABLE credentials (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  slug text NOT NULL,
  name text NOT NULL,
  type text NOT NULL,
  hosts jsonb NOT NULL DEFAULT '["*"]',
  workflows jsonb,
  public text NOT NULL,
  secrets jsonb NOT NULL,
  sealed text NOT NULL,
  data_key text NOT NULL,
  key_id text NOT NULL,
  revision int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  last_used_by text,
  tested_at timestamptz,
  test_status text,
  test_message text,
  UNIQUE (workspace_id, slug)
);
CREATE INDEX credentials_by_workspace ON credentials (workspace_id, id);
CREATE INDEX credentials_by_key ON credentials (key_id);

-- The access token of a credential that needs one. `version` rises with each; `leased_until` says that somebody is fetching the next.
CREATE TABLE credential_tokens (
  credential_id text COLLATE "C" PRIMARY KEY REFERENCES credentials ON DELETE CASCADE,
  workspace_id text COLLATE "C" NOT NULL,
  version int NOT NULL DEFAULT 0,
  sealed text,
  data_key text,
  key_id text,
  expires_at timestamptz,
  granted_at timestamptz,
  leased_until timestamptz,
  lease_owner text,
  problem text,
  CHECK ((sealed IS NULL) = (data_key IS NULL) AND (sealed IS NULL) = (key_id IS NULL))
);

-- A consent under way: found by the hash of `state`, used once, gone after ten minutes.
CREATE TABLE credential_consents (
  state_hash text PRIMARY KEY,
  credential_id text COLLATE "C" NOT NULL REFERENCES credentials ON DELETE CASCADE,
  workspace_id text COLLATE "C" NOT NULL,
  sealed text NOT NULL,
  data_key text NOT NULL,
  key_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
"""


def upgrade() -> None:
    """Create everything."""
    op.get_bind().connection.cursor().execute(CREDENTIALS)
