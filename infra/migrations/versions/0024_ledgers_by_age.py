"""The ledgers of schedules, dead letters and triggers' health are kept for a while only; these find what is older."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"

INDEXES = """
CREATE INDEX occurrences_by_age ON occurrences (recorded_at) WHERE outcome <> 'pending';
CREATE INDEX dead_letters_by_age ON dead_letters (created_at);
CREATE INDEX trigger_health_by_age ON trigger_health (at);
"""


def upgrade() -> None:
    """Make the indexes."""
    op.get_bind().connection.cursor().execute(INDEXES)
