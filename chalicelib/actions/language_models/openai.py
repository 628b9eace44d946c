"""The chat completions API of OpenAI, which many servers speak: vLLM, Ollama, LM Studio, Mistral, Groq, OpenRouter, Azure, …"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.actions.language_models.exchange import Listener, Question, Said, Unreadable, count


class OpenAi:
    """POST /chat/completions."""

    base_url = "https://api.openai.com/v1"
    path = "/chat/completions"
    headers: Mapping[str, str] = {}

    def body(self, question: Question) -> dict[str, Any]:
        """The request."""
        system = [{"role": "system", "content": question.system}] if question.system else []
        body: dict[str, Any] = {"model": question.model, "messages": [*system, *question.messages], "max_tokens": question.max_tokens}
        if question.temperature is not None:
            body["temperature"] = question.temperature
        if question.schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "output", "schema": dict(question.schema)}}
        if question.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return {**body, **question.options}

    def read(self, body: Any) -> Said:
        """A whole answer."""
        try:
            choice = body["choices"][0]
            message = choice["message"]
            said = Said(message.get("content") or "", _finish(choice.get("finish_reason")), str(body.get("model", "")), str(body.get("id", "")))
        except (KeyError, IndexError, TypeError, AttributeError):
            raise Unreadable("it has no choices[0].message") from None
        if message.get("refusal"):
            said.text, said.finish = str(message["refusal"]), "refusal"
        _usage(said, body.get("usage"))
        return said

    def listener(self) -> Listener:
        """Pieces, and usage at the end."""
        return _Listener()


class _Listener:
    """Chunks of a chat completion."""

    def __init__(self) -> None:
        self.said = Said()

    def take(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise Unreadable("an event is no object")
        if event.get("error"):
            raise Unreadable("the stream broke off with an error")
        said = self.said
        said.model, said.id = str(event.get("model") or said.model), str(event.get("id") or said.id)
        try:
            for choice in event.get("choices") or ():
                delta = choice.get("delta") or {}
                said.text += delta.get("content") or delta.get("refusal") or ""
                said.finish = "refusal" if delta.get("refusal") else _finish(choice.get("finish_reason")) or said.finish
        except (AttributeError, TypeError):
            raise Unreadable("a chunk's choices cannot be read") from None
        _usage(said, event.get("usage"))

    def end(self) -> Said:
        if not self.said.finish:
            raise Unreadable("the stream ended before the answer did")
        return self.said


def _finish(reason: Any) -> str:
    return str(reason or "")


def _usage(said: Said, usage: Any) -> None:
    if isinstance(usage, dict):
        said.input_tokens, said.output_tokens = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
