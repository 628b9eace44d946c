"""The delivery ledger: one row for each message of a node run to a recipient, written before it is sent, and its figures.

`accepted` (by us; with `handed_at`, by the provider too), `unknown` (it may have been sent), `delivered`, `failed`. A status never goes back: a trigger refuses
it, and leaves the fact for analytics in the same statement. No index holds a recipient's address: the ledger knows a digest, and a shortened form for people.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

DELIVERIES = """
CREATE TABLE deliveries (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  workflow_id text COLLATE "C" NOT NULL,
  execution_id text COLLATE "C" NOT NULL,
  node_id text NOT NULL,
  iteration text NOT NULL,
  attempt int NOT NULL,
  idempotency_key text NOT NULL,
  channel text NOT NULL CHECK (channel IN ('email', 'sms', 'push', 'slack', 'discord', 'teams', 'webhook')),
  recipient text NOT NULL,
  recipient_digest text NOT NULL,
  provider text NOT NULL,
  credential_id text COLLATE "C" NOT NULL DEFAULT '',
  message_id text,
  status text NOT NULL DEFAULT 'accepted' CHECK (status IN ('accepted', 'unknown', 'delivered', 'failed')),
  reason text NOT NULL DEFAULT '',
  detail text NOT NULL DEFAULT '',
  tried jsonb NOT NULL DEFAULT '[]',
  accepted_at timestamptz NOT NULL DEFAULT now(),
  handed_at timestamptz,
  unknown_at timestamptz,
  settled_at timestamptz,
  UNIQUE (execution_id, node_id, iteration, attempt, channel, recipient_digest),
  CHECK ((settled_at IS NOT NULL) = (status IN ('delivered', 'failed'))),
  CHECK (status <> 'unknown' OR unknown_at IS NOT NULL)
);
-- The database itself refuses a second message under way, or delivered, to one recipient under one key.
CREATE UNIQUE INDEX deliveries_once ON deliveries (workspace_id, idempotency_key, channel, recipient_digest) WHERE status IN ('accepted', 'delivered');
CREATE INDEX deliveries_by_key ON deliveries (workspace_id, idempotency_key);
CREATE INDEX deliveries_by_message ON deliveries (message_id, provider) WHERE message_id IS NOT NULL;
CREATE INDEX deliveries_newest ON deliveries (workspace_id, id);
CREATE INDEX deliveries_handed ON deliveries (handed_at) WHERE handed_at IS NOT NULL;
CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;

CREATE FUNCTION deliveries_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.status <> OLD.status THEN
    IF OLD.status IN ('delivered', 'failed') OR NEW.status = 'accepted' THEN
      RAISE EXCEPTION 'a delivery does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.status = 'unknown' THEN NEW.unknown_at := now(); ELSE NEW.settled_at := now(); END IF;
    INSERT INTO facts (kind, workspace_id, subject) VALUES ('delivery', NEW.workspace_id, NEW.id || ':' || NEW.status);
  END IF;
  IF OLD.handed_at IS NOT NULL THEN
    NEW.handed_at := OLD.handed_at;
  ELSIF NEW.handed_at IS NOT NULL THEN
    INSERT INTO facts (kind, workspace_id, subject) VALUES ('delivery', NEW.workspace_id, NEW.id || ':sent');
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER deliveries_move BEFORE UPDATE ON deliveries FOR EACH ROW EXECUTE FUNCTION deliveries_move();

ALTER TABLE facts DROP CONSTRAINT facts_kind_check, ADD CONSTRAINT facts_kind_check CHECK (kind IN ('execution', 'delivery'));

CREATE TABLE delivery_rollups (
  workspace_id text COLLATE "C" NOT NULL,
  level text NOT NULL CHECK (level IN ('minute', 'hour', 'day')),
  bucket timestamptz NOT NULL,
  workflow_id text COLLATE "C" NOT NULL,
  channel text NOT NULL,
  provider text NOT NULL,
  what text NOT NULL CHECK (what IN ('sent', 'delivered', 'failed', 'unknown')),
  reason text NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (workspace_id, level, bucket, workflow_id, channel, provider, what, reason)
);

-- Messages collected for one later: a window by key, open until `closes_at`; who opened it sends what has come.
CREATE TABLE digests (
  workspace_id text COLLATE "C" NOT NULL REFERENCES workspaces,
  id text COLLATE "C" PRIMARY KEY,
  workflow_id text COLLATE "C" NOT NULL,
  node_id text NOT NULL,
  key text NOT NULL,
  opened_by text NOT NULL UNIQUE,
  opened_at timestamptz NOT NULL DEFAULT now(),
  closes_at timestamptz NOT NULL,
  closed_at timestamptz
);
CREATE UNIQUE INDEX digests_open ON digests (workspace_id, workflow_id, node_id, key) WHERE closed_at IS NULL;
CREATE TABLE digest_items (
  digest_id text COLLATE "C" NOT NULL REFERENCES digests ON DELETE CASCADE,
  idempotency_key text NOT NULL UNIQUE,
  at timestamptz NOT NULL DEFAULT now(),
  item text NOT NULL,
  PRIMARY KEY (digest_id, idempotency_key)
);
"""


def upgrade() -> None:
    """Create everything."""
    op.get_bind().connection.cursor().execute(DELIVERIES)
