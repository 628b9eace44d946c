"""approval: wait until a person approves or rejects."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from chalicelib.registry.spec import ActionSpec, Config, NodeContext, Wait

MAX_SECONDS = 365 * 86400


class ApprovalConfig(Config):
    """Who is asked and what, for people to read; and how long to wait (without it: as long as the execution may take)."""

    approvers: list[str] = Field(default_factory=list, max_length=100)
    message: str = ""
    timeout_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)


def run(ctx: NodeContext, config: ApprovalConfig) -> Wait:
    """Waits; the decision is the port and the output."""
    return Wait(None if config.timeout_seconds is None else ctx.now + timedelta(seconds=config.timeout_seconds))


SPEC = ActionSpec(
    type="approval",
    title="Approval",
    description="Waits for a decision at its link, `nodes.<id>.callback_url`: `{decision: approved | rejected, comment?, by?}`. A person who opens the link is shown a page to decide on; a program posts there. The link exists from the start.",
    kind="wait",
    icon="user-check",
    config_model=ApprovalConfig,
    run=run,
    effect="pure",
    output_ports=("approved", "rejected", "timeout"),
    output_schema={
        "type": "object",
        "properties": {"decision": {"enum": ["approved", "rejected"]}, "by": {"type": ["string", "null"]}, "comment": {"type": ["string", "null"]}},
        "required": ["decision", "by", "comment"],
    },
    example={"approvers": ["finance"], "message": "Pay {{ input.total }}?", "timeout_seconds": 604800},
    answers_at="approvals",
)
