"""llm.prompt: ask a language model over an OpenAI-compatible API or Anthropic's, and where a schema is given, check the answer against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import AfterValidator, Field, model_validator

from chalicelib.actions.http.answers import excerpt, retry_after
from chalicelib.actions.language_models.anthropic import Anthropic
from chalicelib.actions.language_models.exchange import Api, Events, Listener, Question, Said, Unreadable
from chalicelib.actions.language_models.openai import OpenAi
from chalicelib.core import jsontext
from chalicelib.core.clock import utc_now
from chalicelib.core.egress import EgressDenied, InvalidUrl, parse_url
from chalicelib.core.errors import MillraceError
from chalicelib.core.http import CallFailed, HttpClient, Response, http_client
from chalicelib.credentials.spec import Outgoing
from chalicelib.credentials.vault import authenticate
from chalicelib.credentials.watched import watched
from chalicelib.registry.references import CREDENTIAL, KINDS
from chalicelib.registry.spec import ActionError, ActionSpec, Config, Done, NodeContext

APIS: dict[str, Api] = {"openai": OpenAi(), "anthropic": Anthropic()}
MAX_SCHEMA_BYTES = 50_000
MAX_SHOWN_CHARACTERS = 200_000


def _schema(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    if schema is not None:
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"this is no JSON Schema: {error.message[:200]}") from None
        if len(jsontext.dumps(schema)) > MAX_SCHEMA_BYTES:
            raise ValueError(f"a schema may have at most {MAX_SCHEMA_BYTES} bytes")
        if re.search(r'"\$(?:dynamicR|r)ef"\s*:\s*"(?!#)', jsontext.dumps(schema)):
            raise ValueError("a schema may refer to nothing outside itself")
    return schema


class PromptMessage(Config):
    """One turn of a conversation."""

    role: Literal["user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(min_length=1, max_length=1_000_000, description="What is said.")


class LlmPromptConfig(Config):
    """The question."""

    api: Literal["openai", "anthropic"] = Field(default="openai", description="Chat completions as OpenAI has them (and most others), or Anthropic's messages.")
    base_url: str = Field(default="", max_length=2_000, description="Where the API is; default: OpenAI's or Anthropic's own.")
    credential: str = Field(
        default="",
        max_length=200,
        description="A credential's slug or id: bearer for OpenAI's API, header x-api-key for Anthropic's. A server of one's own may need none.",
        json_schema_extra={"format": CREDENTIAL, KINDS: ["http"]},
    )
    model: str = Field(min_length=1, max_length=200, description="The model's name.")
    system: str = Field(default="", max_length=1_000_000, description="What the model is told to be and to do.")
    prompt: str = Field(default="", max_length=1_000_000, description="The question.")
    messages: list[PromptMessage] = Field(default_factory=list, max_length=500, description="In place of, or before, `prompt`: a conversation.")
    output_schema: Annotated[dict[str, Any] | None, AfterValidator(_schema)] = Field(
        default=None, description="A JSON Schema: the answer is checked against it and given as `data`.", json_schema_extra={"format": "literal"}
    )
    repairs: int = Field(default=1, ge=0, le=3, description="How often the model is asked again, told what is wrong, when its answer does not fit the schema.")
    max_tokens: int = Field(default=1_024, ge=1, le=200_000, description="The most tokens to answer with.")
    temperature: float | None = Field(default=None, ge=0, le=2, description="0: always the likeliest words.")
    stream: bool = Field(default=False, description="Let the answer come in pieces: history shows what has come while the node runs, and long answers break no connection. The output is the same.")
    options: dict[str, Any] = Field(default_factory=dict, description="Further fields of the API's request.")

    @model_validator(mode="after")
    def _something(self) -> LlmPromptConfig:
        if not self.prompt and not self.messages:
            raise ValueError("give a prompt or messages")
        return self


async def run(ctx: NodeContext, config: LlmPromptConfig) -> Done:
    """Asks, and where the answer does not fit the schema asks again. Errors: http_status, rate_limited, output_invalid, output_truncated, output_refused,
    invalid_response, and those of connections and credentials."""
    api = APIS[config.api]
    messages = [message.model_dump() for message in config.messages]
    if config.prompt:
        messages.append({"role": "user", "content": config.prompt})
    usage = {"input_tokens": 0, "output_tokens": 0, "requests": 0}
    for asks_left in range(config.repairs if config.output_schema is not None else 0, -1, -1):
        said = await _ask(ctx, config, api, messages, usage["requests"])
        usage = {"input_tokens": usage["input_tokens"] + said.input_tokens, "output_tokens": usage["output_tokens"] + said.output_tokens, "requests": usage["requests"] + 1}
        output = {"text": said.text, "data": None, "finish_reason": said.finish, "model": said.model, "id": said.id, "usage": usage}
        if config.output_schema is None:
            return Done(output)
        _require_complete(said, output)
        data, problem = checked(said.text, config.output_schema)
        if problem is None:
            return Done({**output, "data": data})
        if asks_left:
            messages += [{"role": "assistant", "content": said.text or "(nothing)"}, {"role": "user", "content": f"That does not fit the schema: {problem}. Answer again."}]
    raise ActionError("output_invalid", f"the model's answer does not fit the schema: {problem}", output=output)


def _require_complete(said: Said, output: dict[str, Any]) -> None:
    if said.finish == "length":
        raise ActionError("output_truncated", "the answer was cut off at max_tokens; raise it", output=output)
    if said.finish in ("refusal", "content_filter"):
        raise ActionError("output_refused", f"the model gives no answer ({said.finish})", output=output)


def checked(text: str, schema: Mapping[str, Any]) -> tuple[Any, str | None]:
    """The answer's JSON, and what is wrong with it, with its place. A fence of Markdown around it is taken off."""
    bare = re.sub(r"^```(?:json)?\s*\n(.*)\n```$", r"\1", text.strip(), flags=re.DOTALL)
    try:
        data = jsontext.loads(bare)
    except MillraceError as error:
        return None, f"it is not JSON ({error.detail[:200]})"
    problem = next(iter(sorted(Draft202012Validator(schema).iter_errors(data), key=lambda each: list(map(str, each.absolute_path)))), None)
    if problem is None:
        return data, None
    place = "".join(f"/{part}" for part in problem.absolute_path) or "/"
    return data, f"at {place}: {problem.message[:300]}"


async def _ask(ctx: NodeContext, config: LlmPromptConfig, api: Api, messages: list[dict[str, Any]], nth: int) -> Said:
    question = Question(
        config.model, config.system, messages, config.max_tokens, config.temperature, config.output_schema, config.stream, config.options
    )
    key = ctx.idempotency_key if nth == 0 else f"{ctx.idempotency_key}.{nth}"
    headers = {**api.headers, "Content-Type": "application/json", "Idempotency-Key": key}
    request = Outgoing("POST", (config.base_url or api.base_url).rstrip("/") + api.path, headers, jsontext.dumps(api.body(question)).encode())
    client: HttpClient = ctx.clients.get("http") or http_client()
    hearing = _Hearing(ctx, api.listener())
    try:
        signer = (await authenticate(ctx, config.credential, request, client)).id if config.credential else ""
        target = parse_url(request.url)
        with watched(ctx, signer, f"{target.host}:{target.port}") as watch:
            response = await client.call(
                "POST",
                request.url,
                headers=request.headers,
                body=request.body,
                timeout=ctx.timeout_seconds,
                secret_headers=request.secret_headers,
                redirects=0,
                pieces=hearing.pieces if config.stream else None,
            )
            watch.answered(response.status)
        return _read(response, api, request) if hearing.head is None else hearing.end()
    except CallFailed as error:
        raise ActionError(error.code, error.detail, error_class=error.error_class, output=hearing.broken_off()) from None
    except (EgressDenied, InvalidUrl) as error:
        raise ActionError(error.code, error.detail) from None
    except Unreadable as error:
        message = f"{parse_url(request.url).origin} answered with something else than an answer: {error.detail}"
        raise ActionError("invalid_response", message, output=hearing.broken_off()) from None


class _Hearing:
    """A streamed answer while it comes. `head` is set when there is one: an error, or a server that does not stream, answers whole."""

    def __init__(self, ctx: NodeContext, listener: Listener) -> None:
        self._ctx, self._listener, self._events = ctx, listener, Events()
        self.head: Response | None = None

    def pieces(self, head: Response) -> Callable[[bytes], None] | None:
        """What HttpClient asks with the answer's head."""
        if head.status >= 400 or "event-stream" not in (head.header("content-type") or ""):
            return None
        self.head = head
        return self._take

    def _take(self, piece: bytes) -> None:
        for event in self._events.feed(piece):
            self._listener.take(event)
        if self._listener.said.text:
            self._ctx.show(self.output())

    def output(self) -> dict[str, Any] | None:
        """What has come so far, as the node's output will have it."""
        said = self._listener.said
        usage = {"input_tokens": said.input_tokens, "output_tokens": said.output_tokens}
        return {"text": said.text[:MAX_SHOWN_CHARACTERS], "model": said.model, "id": said.id, "usage": usage} if said.text else None

    def broken_off(self) -> Any:
        """The same, when no more will come."""
        return self._ctx.secrets.clean_unfinished(self.output())

    def end(self) -> Said:
        """The whole answer. Raises Unreadable."""
        for event in self._events.end():
            self._listener.take(event)
        return self._listener.end()


def _read(response: Response, api: Api, request: Outgoing) -> Said:
    if response.status >= 400:
        wait = retry_after(response, utc_now()) if response.status in (429, 503, 529) else None
        said = excerpt(response.body, request.url, request.headers)
        code = "rate_limited" if response.status == 429 else "http_status"
        raise ActionError(code, f"{response.target.origin} answered {response.status}: {said}", error_class=f"http.{response.status}", retry_after=wait)
    try:
        return api.read(jsontext.loads(response.body))
    except MillraceError as error:
        raise Unreadable(error.detail) from None


SPEC = ActionSpec(
    type="llm.prompt",
    title="Ask a language model",
    description="Asks a language model by an OpenAI-compatible API or Anthropic's, with answers checked against a schema and tokens counted.",
    kind="data",
    icon="sparkles",
    config_model=LlmPromptConfig,
    run=run,
    effect="effect",
    output_ports=("main", "error"),
    output_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "data": {"description": "With output_schema: the answer, checked."},
            "finish_reason": {"type": "string"},
            "model": {"type": "string"},
            "id": {"type": "string"},
            "usage": {"type": "object", "description": "input_tokens, output_tokens and requests, of all asks together."},
        },
        "required": ["text", "usage"],
    },
    example={
        "credential": "openai",
        "model": "gpt-4.1-mini",
        "prompt": "Which language is this? {{ input.text }}",
        "output_schema": {"type": "object", "properties": {"language": {"type": "string"}}, "required": ["language"]},
    },
)
