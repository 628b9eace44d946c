"""Migrations from inside the AWS network, where the database can be reached: a Lambda function that a deployment invokes after the code is in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.core.logging import logger
from infra.migrations.runner import current, upgrade


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str | None]:
    """Migrate to `event["revision"]` (default: the newest) and answer {"before", "after"}. Several at once are safe; an error rolls everything back."""
    before = current()
    upgrade(event.get("revision") or "head")
    after = current()
    logger("migrate").info("migrated", extra={"before": before, "after": after, "request_id": context.aws_request_id})
    return {"before": before, "after": after}
