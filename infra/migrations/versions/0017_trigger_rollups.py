"""What became of what came to a trigger: an outbox that the database fills, and the rollups it is folded into.

Only what started nothing is noted here, and planned instants: an execution that was started is counted when it ends. The database notes it in the statement that
makes it true, whoever writes that. A planned instant that is corrected is taken back by a row of minus one.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE trigger_facts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  trigger_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL,
  n int NOT NULL,
  milliseconds double precision,  -- how late a planned instant was
  at timestamptz NOT NULL         -- when it came, or was planned
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

CREATE TABLE trigger_rollups (
  workspace_id text COLLATE "C" NOT NULL,
  level text NOT NULL CHECK (level IN ('minute', 'hour', 'day')),
  bucket timestamptz NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  trigger_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  outcome text NOT NULL,
  reason text NOT NULL,
  slot smallint NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (workspace_id, level, bucket, workflow_id, trigger_id, type, outcome, reason, slot)
);

-- One line of the log may stand for more, which came faster than lines are written.
ALTER TABLE trigger_deliveries ADD COLUMN times int NOT NULL DEFAULT 1;
"""

# An instant counts once it is decided. How late: from its planned time to its record, as the ledger has it.
OCCURRENCES = """
CREATE FUNCTION note_occurrences() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, milliseconds, at)
  SELECT t.workspace_id, t.workflow_id, t.id, t.type, c.outcome, coalesce(c.reason, ''), 1, extract(epoch FROM c.recorded_at - c.planned_at) * 1000, c.planned_at
  FROM changed c JOIN triggers t ON t.id = c.trigger_id WHERE c.outcome <> 'pending';
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, milliseconds, at)
    SELECT t.workspace_id, t.workflow_id, t.id, t.type, c.outcome, coalesce(c.reason, ''), -1, extract(epoch FROM c.recorded_at - c.planned_at) * 1000, c.planned_at
    FROM earlier c JOIN triggers t ON t.id = c.trigger_id WHERE c.outcome <> 'pending';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER occurrences_note_new AFTER INSERT ON occurrences REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_occurrences();
CREATE TRIGGER occurrences_note_change AFTER UPDATE ON occurrences REFERENCING OLD TABLE AS earlier NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION note_occurrences();
"""

# HTTP: lines of the log that started nothing. Kafka: records kept as dead letters. Kafka and workflow: what was passed over, as the trigger counts it.
OTHERS = """
CREATE FUNCTION note_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, at)
  SELECT t.workspace_id, t.workflow_id, t.id, t.type, NEW.outcome, coalesce(NEW.code, ''), NEW.times, NEW.received_at FROM triggers t WHERE t.id = NEW.trigger_id;
  RETURN NULL;
END $$;
CREATE TRIGGER trigger_deliveries_note AFTER INSERT ON trigger_deliveries FOR EACH ROW WHEN (NEW.outcome <> 'started') EXECUTE FUNCTION note_delivery();

CREATE FUNCTION note_dead_letters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, at)
  SELECT t.workspace_id, t.workflow_id, t.id, t.type, 'dead_letter', c.code, count(*), now()
  FROM changed c JOIN triggers t ON t.id = c.trigger_id GROUP BY t.id, c.code;
  RETURN NULL;
END $$;
CREATE TRIGGER dead_letters_note AFTER INSERT ON dead_letters REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION note_dead_letters();

CREATE FUNCTION note_skipped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, at)
  VALUES (NEW.workspace_id, NEW.workflow_id, NEW.id, NEW.type, 'passed_over', '', NEW.skipped_records - OLD.skipped_records, now());
  RETURN NULL;
END $$;
CREATE TRIGGER triggers_note_skipped AFTER UPDATE OF skipped_records ON triggers FOR EACH ROW
  WHEN (NEW.skipped_records > OLD.skipped_records) EXECUTE FUNCTION note_skipped();
"""

# What the ledger knows so far is not lost.
EARLIER = """
INSERT INTO trigger_facts (workspace_id, workflow_id, trigger_id, type, outcome, reason, n, milliseconds, at)
SELECT t.workspace_id, t.workflow_id, t.id, t.type, o.outcome, coalesce(o.reason, ''), 1, extract(epoch FROM o.recorded_at - o.planned_at) * 1000, o.planned_at
FROM occurrences o JOIN triggers t ON t.id = o.trigger_id WHERE o.outcome <> 'pending';
"""


def upgrade() -> None:
    """Create the outbox and the rollups, and let the database fill the outbox."""
    cursor = op.get_bind().connection.cursor()
    for statements in (TABLES, OCCURRENCES, OTHERS, EARLIER):
        cursor.execute(statements)
