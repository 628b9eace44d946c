"""condition: go one of two ways."""

from __future__ import annotations

from chalicelib.registry.spec import ActionError, ActionSpec, CelSource, Config, Done, NodeContext


class ConditionConfig(Config):
    """One CEL expression that must give true or false."""

    expression: CelSource


def run(ctx: NodeContext, config: ConditionConfig) -> Done:
    """Passes on through `true` or `false`; anything but a bool is an error, never a way."""
    result = ctx.evaluate(config.expression)
    if not isinstance(result, bool):
        raise ActionError(
            "expression_error", f"a condition must give true or false, this one gave {type(result).__name__}: {config.expression}"
        )
    return Done({"result": result}, port="true" if result else "false")


SPEC = ActionSpec(
    type="condition",
    title="Condition",
    description="Continues on `true` or `false`, as a CEL expression decides.",
    kind="logic",
    icon="arrows-split-2",
    config_model=ConditionConfig,
    run=run,
    effect="pure",
    output_ports=("true", "false", "error"),
    output_schema={"type": "object", "properties": {"result": {"type": "boolean"}}, "required": ["result"]},
    example={"expression": "input.total > 100"},
)
