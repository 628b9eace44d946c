"""Triggers that start a workflow when an execution of another ends, and starting from SQL.

An end is noted by the statement that ends the execution, for those workflows only that somebody listens to: a statement trigger sees all executions that one save
ends, so it costs a save one look at a small index.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

LISTENING = """
ALTER TABLE triggers DROP CONSTRAINT triggers_type_check,
  ADD CONSTRAINT triggers_type_check CHECK (type IN ('api', 'schedule', 'kafka', 'workflow')),
  ADD COLUMN source_workflow_id text COLLATE "C" REFERENCES workflows ON DELETE SET NULL,
  ADD CONSTRAINT triggers_source_check CHECK (type = 'workflow' OR source_workflow_id IS NULL);
CREATE INDEX triggers_by_source ON triggers (source_workflow_id) WHERE source_workflow_id IS NOT NULL;

-- Executions that ended and that somebody listens to, until what they start has been started.
CREATE TABLE endings (
  execution_id text COLLATE "C" PRIMARY KEY,
  ended_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION note_endings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO endings (execution_id)
  SELECT c.id FROM changed c
  WHERE c.status IN ('succeeded', 'failed', 'cancelled') AND c.version IS NOT NULL AND c.part IS NULL
    AND EXISTS (SELECT 1 FROM triggers t WHERE t.source_workflow_id = c.workflow_id)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER executions_note_endings AFTER UPDATE ON executions REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_endings();
"""

FROM_SQL = """
CREATE SCHEMA IF NOT EXISTS millrace;

-- An execution's id, as chalicelib/core/ids.py makes them: 48 bits of milliseconds and 80 random bits in Crockford's base 32.
CREATE FUNCTION millrace.new_execution_id() RETURNS text LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  alphabet constant text := '0123456789abcdefghjkmnpqrstvwxyz';
  random_bytes bytea := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
  tail text := '';
BEGIN
  FOR i IN 0..15 LOOP
    tail := tail || substr(alphabet, (get_byte(random_bytes, CASE WHEN i < 6 THEN i ELSE i + 10 END) & 31) + 1, 1);
  END LOOP;
  RETURN left(id_bound(clock_timestamp()), 14) || tail;
END $$;

CREATE FUNCTION millrace.start_execution(workflow_slug text, input jsonb DEFAULT '{}', key text DEFAULT NULL, workspace text DEFAULT 'default')
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  w record;
  made text := millrace.new_execution_id();
  hash text;
  first_one record;
BEGIN
  SELECT f.id, f.workspace_id, f.lane, f.enabled, v.definition_id, v.version INTO w
  FROM workflows f JOIN workspaces s ON s.id = f.workspace_id
  LEFT JOIN workflow_versions v ON v.workflow_id = f.id AND v.version = f.live_version
  WHERE f.slug = start_execution.workflow_slug AND s.slug = start_execution.workspace
  FOR SHARE OF f;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no workflow with the slug %', left(workflow_slug, 80) USING ERRCODE = 'no_data_found', HINT = 'not_found';
  ELSIF NOT w.enabled THEN
    RAISE EXCEPTION 'the workflow % is disabled', workflow_slug USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'workflow_disabled';
  ELSIF w.definition_id IS NULL THEN
    RAISE EXCEPTION 'the workflow % has no published version', workflow_slug
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'workflow_not_published';
  ELSIF input IS NULL THEN
    RAISE EXCEPTION 'the input is NULL; pass JSON, such as {}' USING ERRCODE = 'null_value_not_allowed';
  ELSIF octet_length(input::text) > 1048576 THEN
    RAISE EXCEPTION 'the input has more than 1 MB' USING ERRCODE = 'program_limit_exceeded', HINT = 'payload_too_large';
  ELSIF jsonb_path_exists(input, 'strict $.**{201}') THEN
    RAISE EXCEPTION 'the input nests more than 200 levels deep' USING ERRCODE = 'program_limit_exceeded', HINT = 'too_deep';
  ELSIF jsonb_path_exists(input, 'strict $.** ? (@.type() == "number" && (@ > 9223372036854775807 || @ < -9223372036854775808))') THEN
    RAISE EXCEPTION 'the input holds a number beyond 64 bits; pass it as text' USING ERRCODE = 'numeric_value_out_of_range', HINT = 'number_out_of_range';
  ELSIF length(key) NOT BETWEEN 1 AND 255 THEN
    RAISE EXCEPTION 'a key has 1 to 255 characters' USING ERRCODE = 'invalid_parameter_value', HINT = 'invalid_key';
  END IF;
  hash := 'sql:' || md5(input::text);
  IF key IS NOT NULL THEN
    INSERT INTO start_keys (trigger_id, key, workspace_id, execution_id, body_hash)
    VALUES (w.id, 'sql:' || start_execution.key, w.workspace_id, made, hash) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      SELECT k.execution_id, k.body_hash INTO first_one FROM start_keys k WHERE k.trigger_id = w.id AND k.key = 'sql:' || start_execution.key;
      IF first_one.body_hash IS DISTINCT FROM hash THEN
        RAISE EXCEPTION 'the key % was used before with another input', key USING ERRCODE = 'unique_violation', HINT = 'idempotency_key_reused';
      END IF;
      RETURN first_one.execution_id;
    END IF;
  END IF;
  INSERT INTO executions (id, workspace_id, workflow_id, definition_id, version, status, trigger, input)
  VALUES (made, w.workspace_id, w.id, w.definition_id, w.version, 'queued', '{"type":"sql","id":null}', input::text);
  INSERT INTO wakes (execution_id, lane, wake_at) VALUES (made, w.lane, clock_timestamp());
  RETURN made;
END $$;

REVOKE ALL ON SCHEMA millrace FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA millrace FROM PUBLIC;
"""

# A role of this name may do this and nothing else. Where the migration may not make roles, the operator makes it: docs/start-from-sql.md.
ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'millrace_starter') THEN
    CREATE ROLE millrace_starter NOLOGIN;
  END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'millrace_starter') THEN
    GRANT USAGE ON SCHEMA millrace TO millrace_starter;
    GRANT EXECUTE ON FUNCTION millrace.start_execution(text, jsonb, text, text) TO millrace_starter;
  END IF;
END $$;
"""


def upgrade() -> None:
    """Create the ways in."""
    cursor = op.get_bind().connection.cursor()
    for statements in (LISTENING, FROM_SQL, ROLE):
        cursor.execute(statements)
