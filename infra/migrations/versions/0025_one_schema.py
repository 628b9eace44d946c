"""Where the database's user is called millrace, what was made since the schema of that name stood in it, apart from the rest; now all of it is in one place again.

The schema `millrace` is for the functions that applications call, and for nothing else.
"""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"

TABLES = (
    "trigger_presets", "execution_moves", "trigger_facts", "rate_buckets", "audit_heads", "audit_log", "execution_rollups", "node_rollups", "delivery_rollups",
    "trigger_rollups", "members",
)  # fmt: skip
FUNCTIONS = (
    "append_audit", "audit_broken_at", "audit_hash", "judge_listener", "note_dead_letters", "note_delivery", "note_listener", "note_occurrences", "note_skipped",
    "refuse_change_of_audit",
)  # fmt: skip
MOVE = f"""
DO $$
DECLARE
  home text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'workflows'::regclass);
  thing text;
BEGIN
  IF home = 'millrace' THEN
    RETURN;
  END IF;
  FOR thing IN SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'millrace'::regnamespace AND relkind IN ('r', 'p')
    AND (relname = ANY (ARRAY{list(TABLES)!r}) OR relispartition)
  LOOP
    EXECUTE format('ALTER TABLE %s SET SCHEMA %s', thing, home);
  END LOOP;
  FOR thing IN SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'millrace'::regnamespace AND proname = ANY (ARRAY{list(FUNCTIONS)!r})
  LOOP
    EXECUTE format('ALTER FUNCTION %s SET SCHEMA %s', thing, home);
  END LOOP;
END $$;
ALTER FUNCTION ensure_partitions(int) SET search_path FROM CURRENT;
"""  # noqa: S608 (the names above)


def upgrade() -> None:
    """Move what stands apart."""
    op.get_bind().connection.cursor().execute(MOVE)
