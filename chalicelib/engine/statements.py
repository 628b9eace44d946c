"""The engine's SQL, as text. Why each clause is there is told in docs/architecture (leases.md, saves.md, signals.md); tests remove clauses and must see work lost or done twice."""

# `floor` keeps the scan off what an old snapshot keeps vacuum from removing: see claiming.py.
_CLAIM = """
WITH {due}
UPDATE wakes w SET wake_at = now() + make_interval(secs => %(lease)s), lease_epoch = w.lease_epoch + 1, worker = %(me)s,
  recoveries = CASE WHEN due.lost THEN w.recoveries + 1 ELSE 0 END, started_at = coalesce(w.started_at, now())
FROM due WHERE w.execution_id = due.execution_id
RETURNING w.execution_id, w.lease_epoch, w.signals, w.recoveries, due.lost, due.due_at, w.started_at, now() AS now
"""

CLAIM = _CLAIM.format(
    due="""due AS MATERIALIZED (
  SELECT execution_id, wake_at AS due_at, worker IS NOT NULL AS lost FROM wakes
  WHERE wake_at <= now() AND wake_at >= %(floor)s ORDER BY wake_at LIMIT %(n)s FOR UPDATE SKIP LOCKED
)"""
)

# In a backlog: of each lane that has something due (a lane is a workflow) in proportion to its share, oldest first, and no more than `n`. It looks at 500 lanes at most,
# beginning at any one, so that its cost has a bound however many workflows there are. BETWEEN, not =, and the order by lane leave the server no other way than the index
# by lane: of few lanes it would rather walk along the index by time, through all of a crowd for each lane.
CLAIM_FAIRLY = _CLAIM.format(
    due="""start AS MATERIALIZED (
  SELECT floor(random() * (coalesce((SELECT max(lane) FROM workflows), 0) + 1))::int AS lane
), lanes AS MATERIALIZED (
  (SELECT lane, share FROM workflows WHERE lane >= (SELECT lane FROM start) ORDER BY lane LIMIT 500)
  UNION ALL
  (SELECT lane, share FROM workflows WHERE lane < (SELECT lane FROM start) ORDER BY lane LIMIT 500)
  LIMIT 500
), busy AS MATERIALIZED (
  SELECT lane, share FROM lanes
  WHERE EXISTS (SELECT 1 FROM wakes w WHERE w.lane = lanes.lane AND w.wake_at <= now() AND w.wake_at >= %(floor)s)
  LIMIT %(n)s
), offered AS MATERIALIZED (
  SELECT w.execution_id, w.due_at, w.lost, row_number() OVER (PARTITION BY busy.lane ORDER BY w.due_at)::float8 / busy.share AS turn
  FROM busy CROSS JOIN LATERAL (
    SELECT execution_id, wake_at AS due_at, worker IS NOT NULL AS lost FROM wakes
    WHERE wakes.lane BETWEEN busy.lane AND busy.lane AND wake_at <= now() AND wake_at >= %(floor)s ORDER BY wakes.lane, wake_at
    LIMIT (SELECT ceil(2.0 * %(n)s * busy.share / sum(other.share)) FROM busy AS other) FOR UPDATE SKIP LOCKED
  ) AS w
), due AS MATERIALIZED (
  SELECT execution_id, due_at, lost FROM offered ORDER BY turn, due_at LIMIT %(n)s
)"""
)

LOAD_EXECUTIONS = """
SELECT id, workspace_id, workflow_id, definition_id, version, trigger, input, coalesce(key_origin, id) AS key_origin, retry_of, created_at,
  parent_id, parent_node, parent_iteration, part, depth, error
FROM executions WHERE id = ANY(%(ids)s)
"""

# A large output stays in its row until an expression reads it. (octet_length does not fetch a value that is stored apart.)
LOAD_RUNS = """
SELECT execution_id, node_id, iteration, attempt, type, status, port, error, started_seq, finished_seq, started_at, finished_at, wake_at,
  CASE WHEN octet_length(output) <= %(large)s THEN output END AS output, octet_length(output) AS bytes
FROM node_runs WHERE execution_id = ANY(%(ids)s) ORDER BY execution_id, attempt
"""

LOAD_OUTPUT = """
SELECT output FROM node_runs WHERE execution_id = %(id)s AND node_id = %(node_id)s AND iteration = %(iteration)s AND attempt = %(attempt)s
"""

# Children sort behind their parent (ids.new_id_after), which keeps the scan off older partitions.
LOAD_PARTS = """
SELECT id, parent_node AS node_id, parent_iteration AS iteration, part, status, coalesce(last_seq, 0) AS last_seq
FROM executions WHERE parent_id = %(id)s AND id > %(id)s AND part IS NOT NULL
"""

EVENTS_BEFORE = """
SELECT w.execution_id, w.node_id, w.iteration, w.match, w.scope, w.ready_at, w.seed, e.id, e.name AS event_name, e.key AS event_key,
  e.payload, e.created_at
FROM event_waits w JOIN events e ON e.workspace_id = w.workspace_id AND e.name = w.name AND e.created_at >= w.since
  AND (w.key IS NULL OR w.key = e.key)
WHERE w.execution_id = %(id)s ORDER BY e.created_at, e.id LIMIT 1000
"""

# A bucket holds the instants of its last turns, the newest last. The next turn is now, or as soon as no more than `most` of them lie in any `per` seconds.
RESERVE_TURNS = """
WITH wanted AS (
  SELECT * FROM json_to_recordset(%(buckets)s::json) AS v(key text, most int, per float8) ORDER BY key
), taken AS (
  INSERT INTO rate_buckets AS b (key, turns, most, per) SELECT key, ARRAY[now()], most, per FROM wanted
  ON CONFLICT (key) DO UPDATE SET most = excluded.most, per = excluded.per,
    turns = (b.turns || greatest(now(), b.turns[cardinality(b.turns) - excluded.most + 1] + make_interval(secs => excluded.per)))
      [greatest(1, cardinality(b.turns) - excluded.most + 2):]
  RETURNING turns[cardinality(turns)] AS turn
)
SELECT max(turn) AS turn, now() AS now FROM taken
"""

CREDENTIAL_LIMITS = """
SELECT id, slug, rate_limit FROM credentials WHERE workspace_id = %(workspace_id)s AND rate_limit IS NOT NULL
"""

LOAD_RESULTS = "SELECT id, status, output, error FROM executions WHERE id = ANY(%(ids)s)"

FIND_WORKFLOW = """
SELECT w.id, w.enabled, v.definition_id, v.version, d.body FROM workflows w
LEFT JOIN workflow_versions v ON v.workflow_id = w.id AND v.version = w.live_version LEFT JOIN definitions d ON d.id = v.definition_id
WHERE w.workspace_id = %(workspace_id)s AND (w.id = %(name)s OR w.slug = %(name)s) ORDER BY w.id = %(name)s DESC LIMIT 1
"""

LOAD_INBOX = """
SELECT execution_id, kind, key, payload, created_at FROM inbox WHERE execution_id = ANY(%(ids)s) ORDER BY created_at, kind, key
"""

LOAD_DEFINITION = "SELECT body, actions FROM definitions WHERE id = %(id)s"

RENEW = """
UPDATE wakes w SET wake_at = now() + make_interval(secs => %(lease)s)
FROM unnest(%(ids)s::text[], %(epochs)s::int[]) AS v(id, epoch)
WHERE w.execution_id = v.id AND w.lease_epoch = v.epoch AND w.worker = %(me)s
RETURNING w.execution_id, w.signals
"""

# One row per execution in `saves`, all in one statement. Rows are locked in id order. A save that releases and has not seen every signal makes the row due at
# once; one that ends the execution, or that settles what an answer from outside could still decide (`strict`), requires to have seen them all.
_SAVE = """
WITH v AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(saves)s::json) AS v(
    id text, epoch int, seen int, next_at timestamptz, hold boolean, final boolean, strict boolean,
    status text, output text, error text, last_seq int, started_at timestamptz)
), {sends}
locked AS MATERIALIZED (
  SELECT w.execution_id FROM wakes w JOIN {locking} ORDER BY 1 FOR UPDATE OF w
), kept AS (
  UPDATE wakes w SET lease_epoch = w.lease_epoch + 1,
    worker = CASE WHEN v.hold THEN w.worker END,
    wake_at = CASE WHEN v.hold THEN now() + make_interval(secs => %(lease)s) WHEN w.signals <> v.seen THEN now() ELSE v.next_at END
  FROM v JOIN locked ON locked.execution_id = v.id
  WHERE w.execution_id = v.id AND NOT v.final AND w.lease_epoch = v.epoch AND (NOT v.strict OR w.signals = v.seen)
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
){more}
SELECT * FROM saved
"""

SAVE = _SAVE.format(sends="", locking="v ON v.id = w.execution_id", more="")

# The same, for executions that start others or tell others something: what they send is part of the save, or is not sent. Senders and recipients are locked
# in one order of ids, and no statement holds a save of a recipient (see Flusher).
SAVE_LINKED = _SAVE.format(
    sends="""s AS MATERIALIZED (
  SELECT * FROM json_to_recordset(%(sends)s::json) AS s(sender text, recipient text, kind text, key text, payload text)
),""",
    locking="(SELECT id FROM v UNION SELECT recipient FROM s) AS one(id) ON one.id = w.execution_id",
    more="""
, letters AS (
  INSERT INTO inbox (execution_id, kind, key, payload)
  SELECT s.recipient, s.kind, s.key, s.payload FROM s JOIN saved ON saved.execution_id = s.sender JOIN locked ON locked.execution_id = s.recipient
  ON CONFLICT DO NOTHING RETURNING execution_id
), told AS (
  UPDATE wakes w SET signals = w.signals + letter.n,
    wake_at = CASE WHEN w.worker IS NULL THEN least(w.wake_at, now()) ELSE w.wake_at END
  FROM (SELECT execution_id, count(*)::int AS n FROM letters GROUP BY 1) AS letter WHERE w.execution_id = letter.execution_id
), b AS MATERIALIZED (
  SELECT b.* FROM json_to_recordset(%(starts)s::json) AS b(parent text, id text, workspace_id text, workflow_id text, definition_id text,
    version int, trigger text, input text, key_origin text, parent_id text, parent_node text, parent_iteration text, part int, depth int)
  JOIN saved ON saved.execution_id = b.parent
), born AS (
  INSERT INTO executions (id, workspace_id, workflow_id, definition_id, version, status, trigger, input, key_origin,
    parent_id, parent_node, parent_iteration, part, depth)
  SELECT id, workspace_id, workflow_id, definition_id, version, 'queued', trigger, input, key_origin,
    parent_id, parent_node, parent_iteration, part, depth FROM b
), queued AS (
  INSERT INTO wakes (execution_id, lane, wake_at)
  SELECT b.id, coalesce(w.lane, 0), now() FROM b LEFT JOIN workflows w ON w.id = b.workflow_id
), marked AS (
  UPDATE executions e SET error = m.error FROM json_to_recordset(%(marks)s::json) AS m(id text, error text)
  JOIN kept ON kept.execution_id = m.id WHERE e.id = m.id
), listening AS (
  INSERT INTO event_waits (execution_id, node_id, iteration, workspace_id, name, key, match, scope, since, ready_at, seed)
  SELECT l.* FROM json_to_recordset(%(waits)s::json) AS l(execution_id text, node_id text, iteration text, workspace_id text, name text, key text,
    match text, scope text, since timestamptz, ready_at timestamptz, seed text)
  JOIN saved ON saved.execution_id = l.execution_id
  ON CONFLICT DO NOTHING
), deaf AS (
  DELETE FROM event_waits l USING ended WHERE l.execution_id = ended.execution_id
)""",
)

READ_WAKES = "SELECT execution_id, lease_epoch, signals, worker FROM wakes WHERE execution_id = ANY(%(ids)s)"

# How many are due and not begun, counted no further than `limit`.
COUNT_DUE = "SELECT count(*) AS due FROM (SELECT 1 FROM wakes WHERE wake_at <= now() LIMIT %(limit)s) AS due"
