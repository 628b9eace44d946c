"""digest: collect for a window by key, then go on once with all that came.

The first item of a key opens a window, and its execution waits for its end; then it goes on through `main` with every item. Executions that come meanwhile leave
their item and go on through `collected`. The window is a row, so it survives everything, and an item joins exactly one window.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic import Field
from sqlalchemy.exc import DBAPIError

from chalicelib.core.clock import to_text
from chalicelib.core.errors import MillraceError
from chalicelib.deliveries import digests, service
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext, Sleep

COLLECTED = "collected"


class DigestConfig(Config):
    """What is collected, and for how long."""

    key: str = Field(default="", max_length=500, description="Items with the same key go together: a customer's id, a channel's name.")
    item: Any = Field(description="What this execution adds.")
    window_seconds: float = Field(gt=0, le=31 * 86_400, description="How long the window is open, from its first item on.")
    max_items: int = Field(default=1_000, ge=1, le=10_000, description="A window with so many items takes no more; the next item opens another.")


async def run(ctx: NodeContext, config: DigestConfig) -> Done | Sleep:
    """Joins a window, or, when it is over, gives what it holds. Errors: digest_unavailable (class connection), item_too_large."""
    me = digests.Joining(ctx.workspace_id, ctx.workflow_id, ctx.node_id, config.key, ctx.idempotency_key, config.window_seconds, config.max_items)
    try:
        found = await service.in_transaction(lambda connection: digests.join(connection, me, config.item))
    except digests.ItemTooLarge as error:
        raise ActionError("item_too_large", str(error)) from None
    except (MillraceError, DBAPIError) as error:
        raise ActionError("digest_unavailable", f"the window could not be read or written ({type(error).__name__})", error_class="connection") from None
    except asyncio.CancelledError:
        raise
    if isinstance(found, digests.Open):
        return Sleep(found.until) if found.mine else Done({"digest_id": found.id, "items": [], "count": 0}, port=COLLECTED)
    output = {"digest_id": found.id, "key": config.key, "items": found.items, "count": len(found.items), "opened_at": to_text(found.opened_at), "closed_at": to_text(found.closed_at)}
    return Done(output)


SPEC = ActionSpec(
    type="digest",
    title="Digest",
    description="Collects items for a while, by key, and goes on once with all of them: one message in place of many.",
    kind="data",
    icon="stack-2",
    config_model=DigestConfig,
    run=run,
    effect="effect",
    output_ports=("main", COLLECTED, "error"),
    output_schema={
        "type": "object",
        "properties": {
            "digest_id": {"type": "string"},
            "key": {"type": "string"},
            "items": {"type": "array", "description": "What was collected, in order; empty on `collected`."},
            "count": {"type": "integer"},
            "opened_at": {"type": "string"},
            "closed_at": {"type": "string"},
        },
        "required": ["digest_id", "items", "count"],
    },
    example={"key": "{{ input.customer }}", "item": {"text": "{{ input.text }}"}, "window_seconds": 3600},
)
