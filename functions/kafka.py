"""The Kafka entrance on Lambda, and on the host: a batch of records becomes executions in one transaction.

What the database did not take is raised, so that the whole batch comes again (harmless: each record has its key). What can never become an execution is a dead
letter by then, and is not named: Kafka's batch item failures mean "deliver again from here". That is what a trigger that stops in front of a record wants, so
the host's answer names the first record that such a trigger has not taken. Lambda reads such an answer from pollers in provisioned mode only; from others it
would pass over the records. So on Lambda the handler raises instead, once everything else is kept, and the batch comes again until nothing is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.clock import utc_now
from chalicelib.core.db import transaction
from chalicelib.core.logging import logger
from chalicelib.core.metrics import emitted
from chalicelib.engine.wake import wake
from chalicelib.triggers.kafka_ingress import ingest, report
from chalicelib.triggers.kafka_outcomes import audience_of


class RecordsHeld(Exception):
    """A trigger stands in front of a record of this batch; it must be delivered again."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Takes Lambda's MSK or self-managed Kafka event; `context` is None on the host. Raises RecordsHeld (on Lambda), and errors of the database."""
    audience = audience_of(event, getattr(context, "invoked_function_arn", None))
    with emitted():
        with transaction() as connection:
            result = ingest(connection, event, audience=audience, now=utc_now())
        report(result)
    request_id = getattr(context, "aws_request_id", None)
    logger("kafka").info("records taken", extra={"request_id": request_id, **{name: n for name, n in result.outcomes.items() if n}})
    if result.outcomes["started"]:
        wake()
    failures = result.batch_item_failures()
    if failures and context is not None:
        raise RecordsHeld(f"held from here on: {failures}")
    return {"batchItemFailures": failures}
