"""A workflow's share of the workers while more is due than they can do: its live version's `settings.priority`."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """What is published already has the share of `normal`, the only priority there was."""
    op.get_bind().connection.cursor().execute("ALTER TABLE workflows ADD COLUMN share smallint NOT NULL DEFAULT 4 CHECK (share > 0)")
