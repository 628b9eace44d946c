"""Analytics: the outbox of facts, and the rollups they are folded into.

A fact is a reference, not a copy: it is written in the transaction that ends an execution, and the rows it points to never change again. Folding a fact and
deleting it is one transaction, so every execution counts exactly once.
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE facts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('execution')),
  workspace_id text COLLATE "C" NOT NULL,
  subject text COLLATE "C" NOT NULL,
  at timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Which slot of the duration histogram: slot k > 0 holds [1.1^(k-1), 1.1^k) milliseconds, 0 what is shorter. Histograms are merged by adding.
CREATE FUNCTION duration_slot(milliseconds double precision) RETURNS smallint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN milliseconds < 1 OR milliseconds IS NULL THEN 0 ELSE (1 + floor(ln(milliseconds) / ln(1.1::double precision)))::smallint END
$$;

CREATE TABLE execution_rollups (
  workspace_id text COLLATE "C" NOT NULL,
  level text NOT NULL CHECK (level IN ('minute', 'hour', 'day')),
  bucket timestamptz NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  version int NOT NULL,
  trigger_id text COLLATE "C" NOT NULL,
  status text NOT NULL CHECK (status IN ('succeeded', 'failed', 'cancelled')),
  error text NOT NULL,
  slot smallint NOT NULL,
  n bigint NOT NULL,
  milliseconds double precision NOT NULL,
  PRIMARY KEY (workspace_id, level, bucket, workflow_id, version, trigger_id, status, error, slot)
);

CREATE TABLE node_rollups (
  workspace_id text COLLATE "C" NOT NULL,
  level text NOT NULL CHECK (level IN ('minute', 'hour', 'day')),
  bucket timestamptz NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  node_id text COLLATE "C" NOT NULL,
  type text NOT NULL,
  status text NOT NULL CHECK (status IN ('succeeded', 'failed', 'cancelled')),
  error text NOT NULL,
  slot smallint NOT NULL,
  n bigint NOT NULL,
  retries bigint NOT NULL,
  milliseconds double precision NOT NULL,
  PRIMARY KEY (workspace_id, level, bucket, workflow_id, node_id, type, status, error, slot)
);
"""


def upgrade() -> None:
    """Create the outbox and the rollups."""
    op.get_bind().connection.cursor().execute(TABLES)
