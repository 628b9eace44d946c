"""What HTTP triggers keep beside their executions: what came in, how often, what is held back, and what a test URL caught.

No foreign key from `trigger_deliveries` to `triggers`: checking it would cost every start a lock on the trigger's row. What a deleted trigger leaves goes by its age.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = """
CREATE TABLE trigger_deliveries (
  trigger_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  received_at timestamptz NOT NULL DEFAULT now(),
  method text NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('started', 'duplicate', 'debounced', 'refused')),
  status smallint NOT NULL,
  code text,
  detail text,
  execution_id text COLLATE "C",
  replay_of text COLLATE "C",
  body_bytes int NOT NULL,
  request text,                            -- the whole request as JSON; NULL: it is the execution's own input and trigger, or was not kept
  PRIMARY KEY (trigger_id, id),
  CHECK ((outcome = 'refused') = (execution_id IS NULL))
);
-- Rows come in the order of their age, so that this small index is enough to find the old ones.
CREATE INDEX trigger_deliveries_by_age ON trigger_deliveries USING brin (received_at) WITH (autosummarize = on, pages_per_range = 32);

-- A token bucket in one column: when the bucket will be full again.
CREATE TABLE trigger_limits (
  trigger_id text COLLATE "C" PRIMARY KEY REFERENCES triggers ON DELETE CASCADE,
  full_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Signed messages seen in the time in which they could be sent again by a stranger.
CREATE TABLE trigger_signatures (
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  digest text NOT NULL,
  key text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (trigger_id, digest)
);
CREATE INDEX trigger_signatures_by_age ON trigger_signatures (seen_at);

-- The execution that calls with this key are held together in, as long as it has not begun.
CREATE TABLE trigger_debounces (
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  key text NOT NULL,
  execution_id text COLLATE "C" NOT NULL,
  first_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  PRIMARY KEY (trigger_id, key)
);
CREATE INDEX trigger_debounces_by_age ON trigger_debounces (due_at);

-- One request caught for the builder.
CREATE TABLE trigger_tests (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  token_hash text NOT NULL UNIQUE,
  run boolean NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  captured_at timestamptz,
  captured text,
  problem text,
  execution_id text COLLATE "C"
);
CREATE INDEX trigger_tests_by_trigger ON trigger_tests (trigger_id, id);

-- When a trigger became unhealthy, and when it was well again. The database writes it, whoever changes the reason.
CREATE TABLE trigger_health (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  trigger_id text COLLATE "C" NOT NULL REFERENCES triggers ON DELETE CASCADE,
  at timestamptz NOT NULL DEFAULT now(),
  state text NOT NULL CHECK (state IN ('unhealthy', 'healthy')),
  reason text
);
CREATE INDEX trigger_health_by_trigger ON trigger_health (trigger_id, id);
CREATE FUNCTION note_trigger_health() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_health (trigger_id, state, reason)
  VALUES (NEW.id, CASE WHEN NEW.unhealthy_reason IS NULL THEN 'healthy' ELSE 'unhealthy' END, NEW.unhealthy_reason);
  RETURN NULL;
END $$;
CREATE TRIGGER triggers_note_health AFTER UPDATE OF unhealthy_reason ON triggers FOR EACH ROW
  WHEN (OLD.unhealthy_reason IS DISTINCT FROM NEW.unhealthy_reason) EXECUTE FUNCTION note_trigger_health();
"""


def upgrade() -> None:
    """Create the tables."""
    op.get_bind().connection.cursor().execute(TABLES)
