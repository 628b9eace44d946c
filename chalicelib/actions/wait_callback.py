"""wait.callback: wait until somebody calls the node's link."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from chalicelib.definitions.issues import Issue
from chalicelib.definitions.schemas import find_schema_issues
from chalicelib.registry.spec import ActionSpec, Config, NodeContext, Wait

MAX_SECONDS = 365 * 86400


class CallbackConfig(Config):
    """How long to wait (without it: as long as the execution may take), and the JSON Schema that an answer must fit."""

    timeout_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    form: dict[str, Any] | None = Field(default=None, json_schema_extra={"format": "literal"})


def run(ctx: NodeContext, config: CallbackConfig) -> Wait:
    """Waits; the answer's body becomes the output."""
    return Wait(None if config.timeout_seconds is None else ctx.now + timedelta(seconds=config.timeout_seconds))


def _form_issues(config: Mapping[str, Any]) -> list[Issue]:
    return find_schema_issues(config.get("form"), "/form")


SPEC = ActionSpec(
    type="wait.callback",
    title="Wait for a callback",
    description="Waits until its link, `nodes.<id>.callback_url`, is called with POST; the body becomes the output. The link exists from the start.",
    kind="wait",
    icon="webhook",
    config_model=CallbackConfig,
    run=run,
    effect="pure",
    output_ports=("main", "timeout"),
    example={"timeout_seconds": 86400, "form": {"type": "object", "required": ["ok"]}},
    warn=_form_issues,
    answers_at="callbacks",
)
