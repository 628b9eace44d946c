"""The audit log: who changed what, written by the transaction that made the change, append-only and chained by hashes.

`append_audit` locks the workspace's head until the transaction ends, so entries are numbered without gaps, in the order in which their changes were committed.
"""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"

TABLES = """
CREATE TABLE audit_log (
  workspace_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  actor_id text NOT NULL,
  actor_name text NOT NULL,
  action text NOT NULL,
  resource text NOT NULL,
  fields jsonb NOT NULL,
  request_id text NOT NULL,
  address text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (workspace_id, seq)
);

-- The last entry of each workspace: a log that lost its end does not end with it.
CREATE TABLE audit_heads (
  workspace_id text COLLATE "C" PRIMARY KEY,
  seq bigint NOT NULL,
  hash text NOT NULL
);

CREATE FUNCTION refuse_change_of_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit();
"""

FUNCTIONS = """
-- The hash of an entry: over its own columns and the hash before it.
CREATE FUNCTION audit_hash(entry audit_log, before text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT encode(sha256(convert_to(jsonb_build_array(before, entry.workspace_id, entry.seq,
    to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.actor_id, entry.actor_name, entry.action, entry.resource, entry.fields,
    entry.request_id, entry.address)::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION append_audit(workspace text, actor_id text, actor_name text, action text, resource text, fields jsonb, request_id text, address text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  head audit_heads;
  entry audit_log;
BEGIN
  INSERT INTO audit_heads VALUES (workspace, 0, '') ON CONFLICT DO NOTHING;
  SELECT * INTO head FROM audit_heads WHERE workspace_id = workspace FOR UPDATE;
  entry := ROW(workspace, head.seq + 1, clock_timestamp(), actor_id, actor_name, action, resource, fields, request_id, address, '');
  entry.hash := audit_hash(entry, head.hash);
  INSERT INTO audit_log SELECT entry.*;
  UPDATE audit_heads SET seq = entry.seq, hash = entry.hash WHERE workspace_id = workspace;
  RETURN entry.seq;
END $$;

-- The first number at which a workspace's log is not what was written: changed, missing, or cut off. NULL: it is whole.
CREATE FUNCTION audit_broken_at(workspace text) RETURNS bigint LANGUAGE sql STABLE AS $$
  WITH entries AS (
    SELECT l, l.seq, l.hash, lag(l.hash, 1, '') OVER (ORDER BY l.seq) AS before, row_number() OVER (ORDER BY l.seq) AS n
    FROM audit_log l WHERE l.workspace_id = workspace
  ), wrong AS (
    SELECT least(seq, n) AS seq FROM entries WHERE seq <> n OR hash <> audit_hash(l, before)
    UNION ALL
    SELECT least(h.seq, coalesce(last.seq, 0) + 1) FROM audit_heads h
    LEFT JOIN LATERAL (SELECT e.seq, e.hash FROM entries e ORDER BY e.seq DESC LIMIT 1) AS last ON true
    WHERE h.workspace_id = workspace AND (last.seq, last.hash) IS DISTINCT FROM (h.seq, h.hash)
  )
  SELECT min(seq) FROM wrong
$$;
"""


def upgrade() -> None:
    """Create the log."""
    cursor = op.get_bind().connection.cursor()
    for statements in (TABLES, FUNCTIONS):
        cursor.execute(statements)
