"""postgres.query: one statement with parameters. The statement is as the author wrote it; what varies goes in as values and never becomes part of its text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import Field

from chalicelib.core.clock import to_text
from chalicelib.core.egress import EgressDenied, guard
from chalicelib.core.http import CallFailed
from chalicelib.core.postgres_client import MAX_BYTES, QueryFailed, Result, TooManyBytes, query
from chalicelib.credentials.vault import borrow
from chalicelib.credentials.watched import watched
from chalicelib.definitions.issues import Issue
from chalicelib.registry.references import credential_field
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

_AGAIN = ("08", "40", "53", "57P")


class PostgresQueryConfig(Config):
    """What is asked."""

    credential: str = credential_field("postgres")
    query: str = Field(
        min_length=1,
        max_length=100_000,
        description="One statement, as it is: {{ }} is not filled in. Values are $1, $2, … for a list in params, %(name)s for an object.",
        json_schema_extra={"format": "literal", "contentMediaType": "application/sql"},
    )
    params: list[Any] | dict[str, Any] = Field(default_factory=list, description="The values: a list, or an object.")
    read_only: bool = Field(default=False, description="Let the database refuse every change.")
    max_rows: int = Field(default=1_000, ge=1, le=10_000, description="The most rows to give; `truncated` says that there were more.")


async def run(ctx: NodeContext, config: PostgresQueryConfig) -> Done:
    """Asks once, in a transaction of its own. Errors: query_failed (with the database's words and SQLSTATE; class connection where another attempt may help),
    sign_in_refused, connection_failed, tls_error, egress_denied, response_too_large."""
    opened = await borrow(ctx, config.credential, ("postgres",))
    data = opened.data
    opened.check_host(data.host.lower(), data.port)
    try:
        with watched(ctx, opened.id, f"{data.host.lower()}:{data.port}") as watch:
            found = await query(
                guard(),
                data.server(),
                config.query,
                config.params,
                read_only=config.read_only,
                max_rows=config.max_rows,
                seconds=ctx.timeout_seconds,
                key=ctx.idempotency_key,
                connected=watch.answered,
            )
    except QueryFailed as error:
        again = error.sqlstate is None or error.sqlstate.startswith(_AGAIN)
        message = f"{error.message} (SQLSTATE {error.sqlstate})" if error.sqlstate else error.message
        late = error.sqlstate == "57014"
        raise ActionError("query_failed", message, error_class="timeout" if late else "connection" if again else None) from None
    except TooManyBytes:
        raise ActionError("response_too_large", f"query: the rows have more than {MAX_BYTES} bytes, so the statement was rolled back; ask for fewer of them") from None
    except CallFailed as error:
        raise ActionError(error.code, error.detail, error_class=error.error_class) from None
    except EgressDenied as error:
        raise ActionError(error.code, error.detail) from None
    return Done(output_of(found))


def output_of(found: Result) -> dict[str, Any]:
    """Rows as objects of JSON values. Raises ActionError `response_too_large`."""
    rows = [dict(zip(found.columns, (as_json(value) for value in row), strict=True)) for row in found.rows]
    if len(json.dumps(rows)) > MAX_BYTES:
        raise ActionError("response_too_large", f"query: the rows have more than {MAX_BYTES} bytes of JSON; ask for fewer of them")
    return {"rows": rows, "row_count": found.row_count, "columns": found.columns, "truncated": found.truncated}


def as_json(value: Any) -> Any:
    """A column's value: times in RFC 3339, numerics as numbers where nothing is lost and else as text, bytes in base64."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and value not in (float("inf"), float("-inf")) else str(value)
    if isinstance(value, Decimal):
        if value.is_finite() and value == value.to_integral_value() and abs(value) < 2**53:
            return int(value)
        return float(value) if value.is_finite() and Decimal(str(float(value))) == value else str(value)
    if isinstance(value, datetime):
        return to_text(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode("ascii")
    if isinstance(value, Mapping):
        return {str(name): as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return str(value)


def warn(config: Mapping[str, Any]) -> list[Issue]:
    """{{ }} within the statement, which would be part of its text."""
    sql = config.get("query")
    if isinstance(sql, str) and "{{" in sql:
        message = "a statement takes no {{ }}: write $1 in it, and the expression into params"
        return [Issue("/query", "not_parameterised", message)]
    return []


SPEC = ActionSpec(
    type="postgres.query",
    title="Query PostgreSQL",
    description="Runs one statement with parameters on a PostgreSQL database.",
    kind="data",
    icon="database",
    config_model=PostgresQueryConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"type": "object"}},
            "row_count": {"type": "integer", "description": "Rows given or changed."},
            "columns": {"type": "array", "items": {"type": "string"}},
            "truncated": {"type": "boolean"},
        },
        "required": ["rows", "row_count"],
    },
    example={"credential": "shop-db", "query": "SELECT id, total FROM orders WHERE customer = $1", "params": ["{{ input.customer }}"]},
    warn=warn,
)
