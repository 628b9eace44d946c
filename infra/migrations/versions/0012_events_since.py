"""From when on a waiting node takes events: needed to look back again after a crash."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing has written to the table yet."""
    op.get_bind().connection.cursor().execute("ALTER TABLE event_waits ADD COLUMN since timestamptz NOT NULL")
