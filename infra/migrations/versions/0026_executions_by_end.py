"""Executions by when they ended: what leads from a figure of analytics to the executions behind it.

A block range index: executions end in about the order in which they lie, it is a few pages large, and a change of a column that only such an index covers stays a
heap-only update (from PostgreSQL 16 on), which is what ending an execution is.
"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"

STATEMENT = "CREATE INDEX executions_by_end ON executions USING brin (finished_at) WITH (autosummarize = on, pages_per_range = 32)"


def upgrade() -> None:
    """Create the index, in every partition."""
    op.get_bind().connection.cursor().execute(STATEMENT)
