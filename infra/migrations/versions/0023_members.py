"""Members: people who sign in at an OpenID provider, and their role in a workspace."""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"

STATEMENTS = """
-- `subject` is `<issuer>|<sub>`: unknown until the person first comes with a token in which the provider vouches for the address.
CREATE TABLE members (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces ON DELETE CASCADE,
  email text NOT NULL CHECK (email = lower(email)),
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'editor', 'admin')),
  subject text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_seen_at timestamptz,
  UNIQUE (workspace_id, email)
);
CREATE INDEX members_by_subject ON members (subject) WHERE subject IS NOT NULL;
CREATE INDEX members_by_email ON members (email) WHERE subject IS NULL;
"""


def upgrade() -> None:
    """Create the table."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
