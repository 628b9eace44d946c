"""postgres.query on a real PostgreSQL: values are never part of the statement, and nothing is left open."""

from __future__ import annotations

import tracemalloc
from urllib.parse import urlsplit

import pytest

from chalicelib.registry.catalogue import catalogue


@pytest.fixture
def shop(bench, database):
    """A credential for the test's own database, and a table in it."""
    parts = urlsplit(database.url)
    data = {"host": parts.hostname, "port": parts.port, "database": parts.path.lstrip("/"), "username": parts.username, "tls": "disable"}
    if parts.password:
        data["password"] = parts.password
    database.execute("CREATE TABLE IF NOT EXISTS shop_orders (id int PRIMARY KEY, customer text, total numeric, data jsonb, at timestamptz)")
    database.execute("TRUNCATE shop_orders")
    database.execute(
        """INSERT INTO shop_orders VALUES (1, 'jo', 12.50, '{"a": [1]}', '2026-01-01T00:00:00Z'), (2, 'ann', 1e30, NULL, NULL), (3, 'jo', 7, 'null', NULL)"""
    )
    bench.credential("postgres", data, "shop")
    yield lambda sql, params=(), **config: bench.node("postgres.query", credential="shop", query=sql, params=list(params) if isinstance(params, tuple) else params, **config)
    database.execute("DROP TABLE IF EXISTS shop_orders")


def test_rows_come_as_json(shop):
    output = shop("SELECT id, total, data, at FROM shop_orders WHERE customer = $1 ORDER BY id", ("jo",)).run().output
    assert output["rows"] == [
        {"id": 1, "total": 12.5, "data": {"a": [1]}, "at": "2026-01-01T00:00:00.000000Z"},
        {"id": 3, "total": 7, "data": None, "at": None},
    ]
    assert (output["row_count"], output["columns"], output["truncated"]) == (2, ["id", "total", "data", "at"], False)
    assert shop("SELECT total FROM shop_orders WHERE id = %(id)s", {"id": 2}).run().output["rows"] == [{"total": 1e30}]


def test_values_stay_values(shop, database):
    evil = "jo'; DROP TABLE shop_orders; --"
    assert shop("SELECT id FROM shop_orders WHERE customer = $1", (evil,)).run().output["rows"] == []
    assert shop("SELECT id FROM shop_orders WHERE customer = %(c)s", {"c": evil}).run().output["rows"] == []
    assert database.one("SELECT count(*) AS n FROM shop_orders")["n"] == 3


@pytest.mark.parametrize("params", [(), (1,)])
def test_a_second_statement_is_refused(shop, database, params):
    error = shop("SELECT $1::int; DELETE FROM shop_orders" if params else "SELECT 1; DELETE FROM shop_orders", params).fails()
    assert error.code == "query_failed"
    assert "42601" in error.message
    assert database.one("SELECT count(*) AS n FROM shop_orders")["n"] == 3


def test_templates_in_a_statement_are_refused_at_publish_and_never_filled_in(shop):
    spec = catalogue().get("postgres.query")
    issues = spec.check({"credential": "shop", "query": "SELECT * FROM t WHERE a = '{{ input.a }}'"})
    assert [(issue.path, issue.code) for issue in issues] == [("/query", "not_parameterised")]
    assert spec.check({"credential": "shop", "query": "SELECT $1", "params": ["{{ input.a }}"]}) == []
    assert spec.cel_fields({"query": "SELECT {{ input.a }}"}) == spec.literal_fields({"query": "SELECT {{ input.a }}"}) == ("/query",)


def test_changes_are_committed_counted_and_refused_when_read_only(shop, database):
    changed = shop("UPDATE shop_orders SET customer = $1 WHERE id < $2 RETURNING id", ("bo", 3)).run().output
    assert (changed["row_count"], changed["rows"]) == (2, [{"id": 1}, {"id": 2}])
    assert database.one("SELECT count(*) AS n FROM shop_orders WHERE customer = 'bo'")["n"] == 2
    assert shop("DELETE FROM shop_orders").run().output == {"rows": [], "row_count": 3, "columns": [], "truncated": False}
    error = shop("INSERT INTO shop_orders (id) VALUES (9)", read_only=True).fails()
    assert (error.code, error.error_class) == ("query_failed", None)
    assert "25006" in error.message


def test_the_key_is_there_for_statements_that_must_count_once(shop):
    node = shop("SELECT current_setting('millrace.idempotency_key') AS key")
    assert node.run().output["rows"] == [{"key": f"{node.execution_id}.n"}]


def test_rows_and_time_are_bounded(shop):
    output = shop("SELECT generate_series(1, 50) AS n", max_rows=10).run().output
    assert (len(output["rows"]), output["truncated"]) == (10, True)
    node = shop("SELECT pg_sleep(30)")
    node.timeout = 0.3
    error = node.fails()
    assert "57014" in error.message
    assert error.error_class == "timeout"
    assert shop("SELECT repeat('x', 6000000) AS x").fails().code == "response_too_large"


def test_rows_are_read_one_by_one_and_no_more_of_them_than_are_taken(shop, database):
    tracemalloc.start()
    error = shop("SELECT repeat(i::text, 1000) AS x FROM generate_series(100000, 900000) i", max_rows=10).fails()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "response_too_large"
    assert peak < 20_000_000  # of 5 GB
    changing = "INSERT INTO shop_orders (id, customer) SELECT i, repeat('x', 5000) FROM generate_series(10, 2000) i RETURNING customer"
    assert shop(changing, max_rows=10).fails().code == "response_too_large"
    assert database.one("SELECT count(*) AS n FROM shop_orders")["n"] == 3
    output = shop("SELECT id FROM shop_orders WHERE false").run().output
    assert output == {"rows": [], "row_count": 0, "columns": ["id"], "truncated": False}


def test_values_of_many_kinds(shop):
    sql = "SELECT $1::uuid AS u, $2::date AS d, $3::bytea AS b, $4::jsonb AS j, $5::text[] AS a, $6::bool AS t, 'NaN'::float8 AS n, interval '90 s' AS i, 1e30::numeric AS big"
    params = ("0b5e0ac4-0000-4000-8000-000000000001", "2026-01-02", "\\x00ff", {"x": None}, ["a", "b"], True)
    assert shop(sql, params).run().output["rows"] == [
        {
            "u": "0b5e0ac4-0000-4000-8000-000000000001", "d": "2026-01-02", "b": "AP8=", "j": {"x": None}, "a": ["a", "b"], "t": True, "n": "nan",
            "i": 90.0, "big": 1e30,
        }
    ]  # fmt: skip


def test_what_the_database_says_no_to(shop):
    for sql, state in (("SELECT * FROM nowhere", "42P01"), ("SELEC", "42601"), ("SELECT 1/0", "22012")):
        error = shop(sql).fails()
        assert (error.code, error.error_class) == ("query_failed", None)
        assert state in error.message


def test_servers_that_cannot_be_reached(bench, shop, monkeypatch):
    from chalicelib.core import config, egress

    base = {"host": "127.0.0.1", "port": 1, "database": "d", "username": "u", "tls": "disable"}
    down = bench.node("postgres.query", credential=bench.credential("postgres", base, "down"), query="SELECT 1")
    assert (down.fails().code, down.fails().error_class) == ("connection_failed", "connection")
    bound = bench.credential("postgres", base, "bound", hosts=["db.example.com"])
    assert bench.node("postgres.query", credential=bound, query="SELECT 1").fails().code == "credential_host_denied"
    monkeypatch.setenv("MILLRACE_EGRESS_ALLOW", "")
    config.settings.cache_clear()
    egress.guard.cache_clear()
    assert shop("SELECT 1").fails().code == "egress_denied"
    egress.guard.cache_clear()


def test_the_test_button(api, shop):
    assert api.post("/credentials/shop/test", {}).json["status"] == "ok"
