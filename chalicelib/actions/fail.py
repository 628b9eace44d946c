"""fail: end the execution as failed."""

from __future__ import annotations

from chalicelib.registry.spec import ActionSpec, Config, End, NodeContext


class FailConfig(Config):
    """What the error says."""

    message: str = "the workflow ended at a fail node"


def run(ctx: NodeContext, config: FailConfig) -> End:
    """Ends the execution; running branches are cancelled."""
    return End("failed", message=config.message)


SPEC = ActionSpec(
    type="fail",
    title="Fail",
    description="Ends the execution as failed, with a message.",
    kind="error",
    icon="alert-octagon",
    config_model=FailConfig,
    run=run,
    effect="pure",
    output_ports=(),
    example={"message": "order {{ input.id }} has no customer"},
)
