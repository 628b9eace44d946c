"""function: run Python or JavaScript that the workflow's author wrote.

The source is taken as it is (`{{ }}` in it means nothing to us); what it works on comes in through `input`. It runs in a sandbox: no network, no files, no
environment; see docs/architecture/sandbox.md for the walls and what the languages offer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from chalicelib.core import jsontext
from chalicelib.core.errors import MillraceError
from chalicelib.core.sandbox import limits
from chalicelib.core.sandbox.client import SandboxUnavailable, run_job
from chalicelib.core.sandbox.job import Job, Language
from chalicelib.definitions.issues import Issue
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

_SOURCE_SCHEMA = {
    "type": "string",
    "format": "literal",
    "contentMediaType": "text/x-source",
    "minLength": 1,
    "maxLength": limits.SOURCE_CHARS,
    "description": "Defines main(input); what it returns is the node's output.",
}
_MAIN = {
    "python": re.compile(r"^\s*(async\s+)?def\s+main\s*\(|^main\s*=", re.MULTILINE),
    "javascript": re.compile(r"\bfunction\s*\*?\s*main\s*\(|\bmain\s*=", re.MULTILINE),
}


class FunctionConfig(Config):
    """The code and what it is given."""

    language: Language = Field(description="The language of the source.")
    source: Annotated[str, Field(min_length=1, max_length=limits.SOURCE_CHARS), WithJsonSchema(_SOURCE_SCHEMA)]
    input: Any = Field(default=None, description="What main is called with; left out: the execution's input.")


def warn_about_main(config: Mapping[str, Any]) -> list[Issue]:
    """Source without a main, said before it runs."""
    pattern = _MAIN.get(config.get("language", ""))
    if pattern is None or pattern.search(config.get("source", "")):
        return []
    return [Issue("/source", "no_main", "the source does not seem to define main(input), which is what is called", "warning")]


async def run(ctx: NodeContext, config: FunctionConfig) -> Done:
    """Runs once; what is printed goes to the node's console. Errors: function_syntax, function_error, function_no_main, function_result (what came back is not
    JSON), function_output_too_large, function_input_too_large, function_limit (CPU or memory); sandbox_unavailable (class connection) is tried again."""
    given = config.input if "input" in config.model_fields_set else ctx.evaluate("input")
    text = jsontext.dumps(given)
    if len(text) > limits.OUTPUT_BYTES:
        raise ActionError(
            "function_input_too_large",
            f"input: {len(text):,} bytes of JSON; at most {limits.OUTPUT_BYTES:,} can be given to a function",
        )
    try:
        ran = await run_job(Job(config.language, config.source, text))
    except SandboxUnavailable as error:
        raise ActionError("sandbox_unavailable", str(error), error_class="connection") from None
    ctx.console.extend(ran.console)
    if ran.failure is not None:
        raise ActionError(ran.failure.code, ran.failure.message)
    try:
        return Done(jsontext.loads(ran.output or "null"))
    except MillraceError as error:
        raise ActionError("function_result", f"main returned what cannot be kept: {error.detail}") from None


SPEC = ActionSpec(
    type="function",
    title="Function",
    description="Runs Python or JavaScript of yours, in a sandbox without network and files.",
    kind="data",
    icon="code",
    config_model=FunctionConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    example={
        "language": "python",
        "source": "def main(input):\n    print('orders:', len(input['orders']))\n    return {'total': sum(order['price'] for order in input['orders'])}\n",
        "input": {"orders": [{"price": 12}, {"price": 30}]},
    },
    warn=warn_about_main,
)
