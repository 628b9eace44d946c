"""Node types that a workspace defines for itself: a templated HTTP call or a function, made into an ActionSpec. Pure.

A document is what a user writes (see chalicelib/custom_actions/documents.py). The type it makes runs on the built-in `http.request` or `function`: its templates see
the node's config as `input` and, for the output, the answer as `response`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, cast
from urllib.parse import quote

import jsonschema
from pydantic import RootModel, ValidationError, model_validator

from chalicelib.core.errors import ExpressionError
from chalicelib.core.expressions import Scope, Template, compile_template, suggestion
from chalicelib.core.expressions.template import as_text
from chalicelib.definitions.issues import Issue
from chalicelib.definitions.problems import pointer
from chalicelib.registry.spec import ActionError, ActionSpec, ConfigModel, Done, NodeContext, Outcome

NAMES = frozenset(("input",))
OUTPUT_NAMES = frozenset(("input", "response"))
_MAX_PROBLEMS = 20
_PATH_NAME = re.compile(r"\{([^{}]+)\}")

Document = Mapping[str, Any]


@dataclass(frozen=True)
class CustomSpec(ActionSpec):
    """A workspace's own type, by its document."""

    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Which version of the type this is."""
        return int(self.document.get("version", 1))

    def check(self, config: Mapping[str, Any]) -> list[Issue]:
        """Every problem of a raw config by the type's JSON Schema; what an expression will only give at run time is not judged."""
        return [
            Issue(*_complaint(error))
            for error in list(_validator(self.document).iter_errors(config))[:_MAX_PROBLEMS]
            if not _hidden(error)
        ]

    def config_schema(self) -> dict[str, Any]:
        """The schema as its author wrote it."""
        return cast(dict[str, Any], self.document["config_schema"])

    def describe(self) -> dict[str, Any]:
        """The registry's answer, with what only a workspace's own types have."""
        more = {"custom": True, "version": self.version, "documentation": self.document.get("documentation", "")}
        return {**ActionSpec.describe(self), **more}


_KINDS = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "an object"}


def _complaint(error: Any) -> tuple[str, str, str]:
    """A problem of a config as built-in types have it: path, code, words."""
    code, path = f"config_{error.validator}", list(error.absolute_path)
    if error.validator == "required":
        missing = next((name for name in error.validator_value if f"{name!r} " in error.message), "")
        return pointer([*path, missing]), code, "this field is required"
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = error.schema.get("properties", {})
        extra = next((name for name in error.instance if name not in known), "")
        return pointer([*path, extra]), code, f"this field is not known here; remove it or check its spelling.{suggestion(extra, known)}"
    if error.validator == "type" and error.validator_value in _KINDS:
        return pointer(path), code, f"this should be {_KINDS[error.validator_value]}"
    return pointer(path), code, error.message[:300]


def _hidden(error: Any) -> bool:
    """Whether the value complained of, or one that it holds, is an expression."""
    return '{{' in json.dumps(error.instance, default=str) if error.validator not in ("required", "additionalProperties") else False


def _validator(document: Document) -> Any:
    return jsonschema.Draft202012Validator(document["config_schema"])


def custom_spec(document: Document, base: ActionSpec) -> CustomSpec:
    """The type of a document, which runs on `base`: http.request or function."""
    runner = _Runner(document, base)
    return CustomSpec(
        type=document["type"],
        title=document["title"],
        description=document.get("description", ""),
        kind="action",
        icon=document.get("icon") or ("code" if "function" in document else "world-www"),
        config_model=_model(document),
        run=runner.run,
        effect="effect",
        output_ports=("main", "error"),
        output_schema=document.get("output_schema") or {},
        retry=document.get("retry"),
        example=document.get("example") or {},
        document=document,
    )


def base_type(document: Document) -> str:
    """The built-in type that a document's type runs on."""
    return "function" if "function" in document else "http.request"


def _model(document: Document) -> ConfigModel:
    """A pydantic model that checks a config by the document's JSON Schema, so that the engine need not know the difference."""

    class CustomConfig(RootModel[dict[str, Any]]):
        """A config of a workspace's own type."""

        @model_validator(mode="after")
        def _fits(self) -> CustomConfig:
            error = next(iter(_validator(document).iter_errors(self.root)), None)
            if error is not None:
                path, _, said = _complaint(error)
                raise ValueError(f"{path[1:] or 'config'}: {said}")
            return self

    return cast(ConfigModel, CustomConfig)


class _Runner:
    """Runs a document's type on its base."""

    def __init__(self, document: Document, base: ActionSpec) -> None:
        self._document, self._base = document, base

    @cached_property
    def _template(self) -> Template:
        return compile_template(self._document.get("http") or {})

    @cached_property
    def _output(self) -> Template | None:
        return compile_template({"output": self._document["output"]}) if "output" in self._document else None

    async def run(self, ctx: NodeContext, config: Any) -> Outcome:
        """Fill in the templates, run the base, and shape its output. Errors are those of the base, and expression_error."""
        given = config.root
        scope = self._scope(ctx, {"input": given}, "call")
        values = self._rendered(self._template, scope, "http") if "http" in self._document else None
        outcome = await self._run_base(ctx, self._base_config(given, values))
        if self._output is None or not isinstance(outcome, Done):
            return outcome
        scope = self._scope(ctx, {"input": given, "response": ctx.secrets.clean(outcome.output)}, "output")
        return replace(outcome, output=self._rendered(self._output, scope, "output")["output"])

    def _scope(self, ctx: NodeContext, values: Mapping[str, Any], part: str) -> Scope:
        return Scope(values, now=ctx.now, seed=f"{ctx.idempotency_key}.{part}")

    def _rendered(self, template: Any, scope: Scope, part: str) -> Any:
        try:
            return template.render(scope)
        except ExpressionError as error:
            raise ActionError(error.code, f"{part} of the action {self._document['type']}: {error.detail}") from None

    def _base_config(self, given: Any, http: dict[str, Any] | None) -> dict[str, Any]:
        if http is None:
            function = self._document["function"]
            return {"language": function["language"], "source": function["source"], "input": given}
        path = http.pop("path", {})
        return {**{name: value for name, value in http.items() if value is not None}, "url": fill_path(http["url"], path)}

    async def _run_base(self, ctx: NodeContext, config: dict[str, Any]) -> Outcome:
        try:
            parsed = self._base.config_model.model_validate(config)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            message = f"the action {self._document['type']} made a call that cannot be sent: {where}: {first['msg'].removeprefix('Value error, ')}"
            raise ActionError("invalid_config", message) from None
        result: Any = self._base.run(ctx, parsed)
        return cast(Outcome, await result)


def fill_path(url: str, values: Mapping[str, Any]) -> str:
    """The URL with each `{name}` replaced by its value, encoded so that no value can add a segment or a query. Raises ActionError for one that is missing."""

    def value_of(match: re.Match[str]) -> str:
        value = values.get(match[1])
        if value is None or value == "":
            raise ActionError("invalid_config", f"the URL needs a value for {match[1]!r}")
        text = quote(as_text(value), safe="")
        return text.replace(".", "%2E") if text in (".", "..") else text

    return _PATH_NAME.sub(value_of, url) if values else url


@lru_cache(maxsize=512)
def _specs_of(text: str) -> dict[str, CustomSpec]:
    from chalicelib.registry.catalogue import catalogue

    specs = {}
    for document in json.loads(text):
        base = catalogue().get(base_type(document))
        if base is not None:
            specs[document["type"]] = custom_spec(document, base)
    return specs


def specs_of(text: str) -> dict[str, CustomSpec]:
    """Types by name of a JSON list of documents; remembered, since documents never change."""
    return dict(_specs_of(text))
