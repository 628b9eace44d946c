"""The engine's SQL, as text. Why each clause is there is told in docs/architecture/engine.md; tests remove clauses and must see work lost or done twice."""

CLAIM = """
WITH due AS MATERIALIZED (
  SELECT execution_id, worker IS NOT NULL AS lost FROM wakes WHERE wake_at <= now() ORDER BY wake_at LIMIT %(n)s FOR UPDATE SKIP LOCKED
)
UPDATE wakes w SET wake_at = now() + make_interval(secs => %(lease)s), lease_epoch = w.lease_epoch + 1, worker = %(me)s,
  recoveries = CASE WHEN due.lost THEN w.recoveries + 1 ELSE 0 END, started_at = coalesce(w.started_at, now())
FROM due WHERE w.execution_id = due.execution_id
RETURNING w.execution_id, w.lease_epoch, w.signals, w.recoveries, due.lost, w.started_at, now() AS now
"""

LOAD_EXECUTIONS = """
SELECT id, workspace_id, workflow_id, definition_id, version, trigger, input, coalesce(key_origin, id) AS key_origin, retry_of, created_at
FROM executions WHERE id = ANY(%(ids)s)
"""

LOAD_RUNS = """
SELECT execution_id, node_id, iteration, attempt, type, status, port, output, error, started_seq, finished_seq, started_at, finished_at, wake_at
FROM node_runs WHERE execution_id = ANY(%(ids)s) ORDER BY execution_id, attempt
"""

LOAD_INBOX = """
SELECT execution_id, kind, key, payload, created_at FROM inbox WHERE execution_id = ANY(%(ids)s) ORDER BY created_at, kind, key
"""

LOAD_DEFINITION = "SELECT body FROM definitions WHERE id = %(id)s"

RENEW = """
UPDATE wakes w SET wake_at = now() + make_interval(secs => %(lease)s)
FROM unnest(%(ids)s::text[], %(epochs)s::int[]) AS v(id, epoch)
WHERE w.execution_id = v.id AND w.lease_epoch = v.epoch AND w.worker = %(me)s
RETURNING w.execution_id, w.signals
"""

# One row per execution in `saves`, all in one statement. Rows are locked in id order. A save that releases and has not seen every signal makes the row due at
# once; one that ends the execution requires to have seen them all.
SAVE = """
WITH v AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(saves)s::json) AS v(
    id text, epoch int, seen int, next_at timestamptz, hold boolean, final boolean,
    status text, output text, error text, last_seq int, started_at timestamptz)
), locked AS MATERIALIZED (
  SELECT w.execution_id FROM wakes w JOIN v ON v.id = w.execution_id ORDER BY 1 FOR UPDATE OF w
), kept AS (
  UPDATE wakes w SET lease_epoch = w.lease_epoch + 1,
    worker = CASE WHEN v.hold THEN w.worker END,
    wake_at = CASE WHEN v.hold THEN now() + make_interval(secs => %(lease)s) WHEN w.signals <> v.seen THEN now() ELSE v.next_at END
  FROM v JOIN locked ON locked.execution_id = v.id
  WHERE w.execution_id = v.id AND NOT v.final AND w.lease_epoch = v.epoch
  RETURNING w.execution_id, w.lease_epoch, w.signals
), ended AS (
  DELETE FROM wakes w USING v JOIN locked ON locked.execution_id = v.id
  WHERE w.execution_id = v.id AND v.final AND w.lease_epoch = v.epoch AND w.signals = v.seen
  RETURNING w.execution_id, w.lease_epoch, w.signals
), saved AS (
  SELECT * FROM kept UNION ALL SELECT * FROM ended
), runs AS (
  INSERT INTO node_runs (execution_id, node_id, iteration, attempt, workspace_id, type, status, port, input, output, error,
    started_seq, finished_seq, started_at, finished_at, wake_at, console)
  SELECT n.execution_id, n.node_id, n.iteration, n.attempt, n.workspace_id, n.type, n.status, n.port, n.input, n.output, n.error,
    n.started_seq, n.finished_seq, n.started_at, n.finished_at, n.wake_at, n.console
  FROM json_to_recordset(%(runs)s::json) AS n(execution_id text, node_id text, iteration text, attempt int, workspace_id text, type text,
    status text, port text, input text, output text, error text, started_seq int, finished_seq int, started_at timestamptz,
    finished_at timestamptz, wake_at timestamptz, console text)
  JOIN saved ON saved.execution_id = n.execution_id
  ON CONFLICT (execution_id, node_id, iteration, attempt) DO UPDATE SET status = excluded.status, port = excluded.port,
    input = excluded.input, output = excluded.output, error = excluded.error, started_seq = excluded.started_seq,
    finished_seq = excluded.finished_seq, started_at = excluded.started_at, finished_at = excluded.finished_at, wake_at = excluded.wake_at,
    console = excluded.console
), finish AS (
  UPDATE executions e SET status = v.status, output = v.output, error = v.error, last_seq = v.last_seq, started_at = v.started_at,
    finished_at = now()
  FROM v JOIN ended ON ended.execution_id = v.id WHERE e.id = v.id RETURNING e.id, e.workspace_id
), facts_left AS (
  INSERT INTO facts (kind, workspace_id, subject) SELECT 'execution', workspace_id, id FROM finish
), swept AS (
  DELETE FROM inbox i USING ended WHERE i.execution_id = ended.execution_id
)
SELECT * FROM saved
"""

READ_WAKES = "SELECT execution_id, lease_epoch, signals, worker FROM wakes WHERE execution_id = ANY(%(ids)s)"
