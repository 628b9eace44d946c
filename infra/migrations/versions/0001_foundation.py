"""The first schema: workspaces, workflows, triggers, executions and the queue that is one column.

Ids are text in the C collation, so that they sort by the time they were made. Payloads are TEXT holding JSON (half the CPU of jsonb, and no trouble with
NUL or large numbers). No foreign key touches a partitioned table.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TENANCY = """
CREATE TABLE workspaces (
  id text COLLATE "C" PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO workspaces (id, slug, name) VALUES ('ws_00000000000000000000000000', 'default', 'Default');

CREATE TABLE api_keys (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'operator', 'editor', 'admin')),
  secret_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_keys_by_workspace ON api_keys (workspace_id, id);
"""

WORKFLOWS = """
CREATE TABLE workflows (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  lane int NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  slug text NOT NULL,
  name text NOT NULL,
  description text NOT NULL DEFAULT '',
  labels jsonb NOT NULL DEFAULT '[]',
  enabled boolean NOT NULL DEFAULT true,
  definition text NOT NULL,
  revision int NOT NULL DEFAULT 1,
  live_version int,
  last_version int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workspace_id, slug)
);
CREATE INDEX workflows_by_workspace ON workflows (workspace_id, id);

-- Immutable bodies: published versions and frozen drafts. What an execution is pinned to.
CREATE TABLE definitions (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  workflow_id text COLLATE "C" NOT NULL REFERENCES workflows ON DELETE CASCADE,
  body text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX definitions_by_workflow ON definitions (workflow_id);

CREATE TABLE workflow_versions (
  workflow_id text COLLATE "C" NOT NULL REFERENCES workflows ON DELETE CASCADE,
  version int NOT NULL CHECK (version > 0),
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  definition_id text COLLATE "C" NOT NULL REFERENCES definitions ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (workflow_id, version)
);
CREATE INDEX workflow_versions_by_definition ON workflow_versions (definition_id);
"""

TRIGGERS = """
CREATE TABLE triggers (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  workflow_id text COLLATE "C" NOT NULL REFERENCES workflows ON DELETE CASCADE,
  type text NOT NULL CHECK (type IN ('api', 'schedule', 'kafka')),
  config text NOT NULL,
  input text,
  enabled boolean NOT NULL DEFAULT true,
  revision int NOT NULL DEFAULT 1,
  path text UNIQUE CHECK ((type = 'api') = (path IS NOT NULL)),
  topic text CHECK ((type = 'kafka') = (topic IS NOT NULL)),
  unhealthy_reason text,
  planned_through timestamptz,
  next_fire_at timestamptz,
  last_fired_at timestamptz,
  skipped_records bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX triggers_by_workspace ON triggers (workspace_id, id);
CREATE INDEX triggers_by_workflow ON triggers (workflow_id);
CREATE INDEX triggers_by_topic ON triggers (topic) WHERE topic IS NOT NULL;
CREATE INDEX triggers_due ON triggers (next_fire_at) WHERE next_fire_at IS NOT NULL;

-- A schedule's ledger: each planned instant once, with its fate.
CREATE TABLE occurrences (
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  planned_at timestamptz NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('fired', 'late', 'skipped')),
  reason text,
  execution_id text COLLATE "C",
  recorded_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (trigger_id, planned_at),
  CHECK ((outcome = 'skipped') = (execution_id IS NULL))
);

-- What makes a duplicate delivery start nothing: kept apart from history, at least a day.
CREATE TABLE start_keys (
  trigger_id text COLLATE "C" NOT NULL,
  key text NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  execution_id text COLLATE "C" NOT NULL,
  body_hash text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (trigger_id, key)
);
CREATE INDEX start_keys_by_age ON start_keys (created_at);

CREATE TABLE dead_letters (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  topic text NOT NULL,
  partition int NOT NULL,
  record_offset bigint NOT NULL,
  record_timestamp bigint NOT NULL,
  record text NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz,
  execution_id text COLLATE "C",
  UNIQUE (trigger_id, topic, partition, record_offset, record_timestamp)
);
CREATE INDEX dead_letters_by_workspace ON dead_letters (workspace_id, id);
"""

ENGINE = """
CREATE TABLE executions (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  definition_id text COLLATE "C" NOT NULL,
  version int,
  status text NOT NULL CHECK (status IN ('queued', 'succeeded', 'failed', 'cancelled')),
  trigger_id text COLLATE "C",
  trigger text NOT NULL,
  input text NOT NULL,
  output text,
  error text,
  retry_of text COLLATE "C",
  key_origin text COLLATE "C",
  last_seq int,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  CHECK ((status = 'queued') = (finished_at IS NULL)),
  CHECK (status <> 'failed' OR error IS NOT NULL)
) PARTITION BY RANGE (id);
CREATE INDEX executions_by_workspace ON executions (workspace_id, id);
CREATE INDEX executions_by_workflow ON executions (workflow_id, id);

CREATE TABLE node_runs (
  execution_id text COLLATE "C" NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  iteration text COLLATE "C" NOT NULL DEFAULT '',
  attempt int NOT NULL CHECK (attempt >= 0),
  workspace_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  status text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'skipped', 'cancelled')),
  port text,
  input text,
  output text,
  error text,
  started_seq int NOT NULL,
  finished_seq int,
  started_at timestamptz,
  finished_at timestamptz,
  wake_at timestamptz,
  PRIMARY KEY (execution_id, node_id, iteration, attempt),
  CHECK ((status IN ('queued', 'running', 'waiting')) = (finished_seq IS NULL)),
  CHECK (status <> 'failed' OR error IS NOT NULL)
) PARTITION BY RANGE (execution_id);

-- The queue: one narrow row for each execution that has not ended; wake_at says when it next needs attention.
CREATE TABLE wakes (
  execution_id text COLLATE "C" PRIMARY KEY,
  lane int NOT NULL,
  wake_at timestamptz,
  lease_epoch int NOT NULL DEFAULT 0,
  signals int NOT NULL DEFAULT 0,
  worker text,
  recoveries smallint NOT NULL DEFAULT 0,
  started_at timestamptz
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX wakes_due ON wakes (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX wakes_by_lane ON wakes (lane, wake_at) WHERE wake_at IS NOT NULL;

-- Signals from outside, kept until the execution ends.
CREATE TABLE inbox (
  execution_id text COLLATE "C" NOT NULL,
  kind text NOT NULL CHECK (kind IN ('cancel', 'wake', 'answer')),
  key text NOT NULL,
  payload text NOT NULL DEFAULT 'null',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (execution_id, kind, key)
);

-- One row: which tick is the newest, so that an older one leaves.
CREATE TABLE ticks (
  name text PRIMARY KEY,
  holder text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_change_of_ended_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% % has ended as % and cannot change', TG_TABLE_NAME, OLD, OLD.status USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER executions_end_once BEFORE UPDATE ON executions FOR EACH ROW
  WHEN (OLD.status IN ('succeeded', 'failed', 'cancelled')) EXECUTE FUNCTION refuse_change_of_ended_row();
CREATE TRIGGER node_runs_end_once BEFORE UPDATE ON node_runs FOR EACH ROW
  WHEN (OLD.status IN ('succeeded', 'failed', 'skipped', 'cancelled')) EXECUTE FUNCTION refuse_change_of_ended_row();
"""

# Partitions are months of execution ids. The function is called by this migration and by every tick; the default partition keeps an insert from failing
# should no tick have run for a long time.
PARTITIONS = """
-- Before the partitions, which inherit it. Some builds of PostgreSQL come without lz4; theirs is pglz.
DO $$ BEGIN
  IF EXISTS (SELECT 1 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
    ALTER TABLE executions ALTER input SET COMPRESSION lz4, ALTER output SET COMPRESSION lz4, ALTER trigger SET COMPRESSION lz4;
    ALTER TABLE node_runs ALTER input SET COMPRESSION lz4, ALTER output SET COMPRESSION lz4;
  END IF;
END $$;

CREATE TABLE executions_rest PARTITION OF executions DEFAULT;
CREATE TABLE node_runs_rest PARTITION OF node_runs DEFAULT;

CREATE FUNCTION id_bound(at timestamptz) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  alphabet constant text := '0123456789abcdefghjkmnpqrstvwxyz';
  milliseconds bigint := floor(extract(epoch FROM at) * 1000);
  digits text := '';
BEGIN
  FOR i IN 1..10 LOOP
    digits := substr(alphabet, (milliseconds & 31)::int + 1, 1) || digits;
    milliseconds := milliseconds >> 5;
  END LOOP;
  RETURN 'exe_' || digits || '0000000000000000';
END $$;

CREATE FUNCTION ensure_partitions(months_ahead int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  month timestamptz;
  parent text;
  child text;
  made int := 0;
BEGIN
  FOR i IN 0..months_ahead LOOP
    month := date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + make_interval(months => i);
    FOREACH parent IN ARRAY ARRAY['executions', 'node_runs'] LOOP
      child := parent || to_char(month AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
      IF to_regclass(child) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent, id_bound(month),
          id_bound((date_trunc('month', month AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'));
        made := made + 1;
      END IF;
    END LOOP;
  END LOOP;
  RETURN made;
END $$;
SELECT ensure_partitions(3);
"""


def upgrade() -> None:
    """Create everything."""
    cursor = op.get_bind().connection.cursor()  # the driver's own: SQLAlchemy would read the % of format() as a parameter
    for statements in (TENANCY, WORKFLOWS, TRIGGERS, ENGINE, PARTITIONS):
        cursor.execute(statements)
