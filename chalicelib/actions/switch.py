"""switch: go the way of the first case that matches."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from chalicelib.registry.spec import ActionError, ActionSpec, CelSource, Config, Done, NodeContext

_RESERVED = ("default", "error")


def _port_name(name: str) -> str:
    if name in _RESERVED:
        raise ValueError(f"'{name}' is a port every switch has; choose another name")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", name):
        raise ValueError("a case's name is 1 to 63 letters, digits, spaces, '_', '.' or '-', and becomes a port")
    return name


class Case(Config):
    """A way out, and when it is taken."""

    name: Annotated[str, AfterValidator(_port_name)]
    expression: CelSource


class SwitchConfig(Config):
    """Cases, tried in order."""

    cases: list[Case] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _names_differ(self) -> SwitchConfig:
        names = [case.name for case in self.cases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two cases are named {twice[0]!r}; each case needs a name of its own")
        return self


def run(ctx: NodeContext, config: SwitchConfig) -> Done:
    """Passes on through the first case whose expression is true, else through `default`. Later cases are not evaluated."""
    for case in config.cases:
        result = ctx.evaluate(case.expression)
        if not isinstance(result, bool):
            raise ActionError("expression_error", f"case '{case.name}' must give true or false, it gave {type(result).__name__}")
        if result:
            return Done({"case": case.name}, port=case.name)
    return Done({"case": "default"}, port="default")


def _ports(config: Mapping[str, Any]) -> tuple[str, ...]:
    cases = config.get("cases")
    named = (case.get("name") for case in cases if isinstance(case, Mapping)) if isinstance(cases, list) else ()
    return (*(name for name in named if isinstance(name, str)), "default", "error")


SPEC = ActionSpec(
    type="switch",
    title="Switch",
    description="Continues through the first case whose CEL expression is true, else through `default`.",
    kind="logic",
    icon="route-2",
    config_model=SwitchConfig,
    run=run,
    effect="pure",
    output_ports=_ports,
    output_schema={"type": "object", "properties": {"case": {"type": "string"}}, "required": ["case"]},
    example={"cases": [{"name": "large", "expression": "input.total > 1000"}]},
)
