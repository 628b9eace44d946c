"""The messages API of Anthropic. A schema goes as a tool that the model must use: its input is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.language_models.exchange import Listener, Question, Said, Unreadable, count
from chalicelib.core.jsontext import dumps

TOOL = "answer"
_FINISH = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "stop", "max_tokens": "length", "refusal": "refusal"}


class Anthropic:
    """POST /v1/messages."""

    base_url = "https://api.anthropic.com"
    path = "/v1/messages"
    headers: Mapping[str, str] = {"anthropic-version": "2023-06-01"}

    def body(self, question: Question) -> dict[str, Any]:
        """The request."""
        body: dict[str, Any] = {"model": question.model, "max_tokens": question.max_tokens, "messages": question.messages}
        if question.system:
            body["system"] = question.system
        if question.temperature is not None:
            body["temperature"] = question.temperature
        if question.schema is not None:
            body["tools"] = [{"name": TOOL, "description": "Give the answer.", "input_schema": dict(question.schema)}]
            body["tool_choice"] = {"type": "tool", "name": TOOL}
        if question.stream:
            body["stream"] = True
        return {**body, **question.options}

    def read(self, body: Any) -> Said:
        """A whole answer."""
        try:
            said = Said("", _finish(body.get("stop_reason")), str(body.get("model", "")), str(body.get("id", "")))
            tools = [dumps(part["input"]) for part in body["content"] if part["type"] == "tool_use"]
            said.text = tools[0] if tools else "".join(part["text"] for part in body["content"] if part["type"] == "text")
        except (KeyError, TypeError, AttributeError):
            raise Unreadable("it has no content") from None
        _usage(said, body.get("usage"))
        return said

    def listener(self) -> Listener:
        """message_start, content blocks in pieces, message_delta."""
        return _Listener()


class _Listener:
    """Events of a message."""

    def __init__(self) -> None:
        self.said = Said()
        self._by_tool = False

    def take(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise Unreadable("an event is no object")
        try:
            self._take(event.get("type"), event)
        except (AttributeError, TypeError):
            raise Unreadable("an event cannot be read") from None

    def _take(self, kind: Any, event: dict[str, Any]) -> None:
        said, delta = self.said, event.get("delta") or {}
        if kind == "error":
            raise Unreadable("the stream broke off with an error")
        if kind == "message_start":
            message = event.get("message") or {}
            said.model, said.id = str(message.get("model", "")), str(message.get("id", ""))
            _usage(said, message.get("usage"))
        elif kind == "content_block_delta" and delta.get("type") == "input_json_delta":
            said.text = (said.text if self._by_tool else "") + (delta.get("partial_json") or "")  # the tool's input is the answer; words around it are not
            self._by_tool = True
        elif kind == "content_block_delta" and not self._by_tool:
            said.text += delta.get("text") or ""
        elif kind == "message_delta":
            said.finish = _finish(delta.get("stop_reason")) or said.finish
            _usage(said, event.get("usage"))

    def end(self) -> Said:
        if not self.said.finish:
            raise Unreadable("the stream ended before the answer did")
        return self.said


def _finish(reason: Any) -> str:
    return _FINISH.get(str(reason), str(reason or ""))


def _usage(said: Said, usage: Any) -> None:
    if isinstance(usage, dict):
        given = [count(usage.get(name)) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
        said.input_tokens = max(said.input_tokens, sum(given))
        said.output_tokens = max(said.output_tokens, count(usage.get("output_tokens")))
