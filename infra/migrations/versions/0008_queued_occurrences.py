"""Instants of a schedule that wait until the run before them has ended."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS = """
ALTER TABLE occurrences DROP CONSTRAINT occurrences_outcome_check, DROP CONSTRAINT occurrences_check,
  ADD CONSTRAINT occurrences_outcome_check CHECK (outcome IN ('fired', 'late', 'skipped', 'pending')),
  ADD CONSTRAINT occurrences_check CHECK ((outcome IN ('skipped', 'pending')) = (execution_id IS NULL));
CREATE INDEX occurrences_pending ON occurrences (trigger_id, planned_at) WHERE outcome = 'pending';
"""


def upgrade() -> None:
    """Let an occurrence wait."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
