"""What a node's code printed, beside its output."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A JSON array of {level, text}; null for the many nodes that print nothing, which then costs nothing."""
    op.execute("ALTER TABLE node_runs ADD COLUMN console text")
