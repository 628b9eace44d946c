"""What the configs of all notifying nodes have in common: the credential, which means the provider, its fallbacks, and quiet hours."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from chalicelib.actions.messages.quiet import QuietHours
from chalicelib.registry.references import CREDENTIAL, KINDS
from chalicelib.registry.spec import ActionError, Config

MAX_RECIPIENTS = 500


def credential_ref(*kinds: str, description: str) -> Any:
    """A field that names a credential by slug or id, of one of these types or kinds."""
    return Field(min_length=1, max_length=200, description=description, json_schema_extra={"format": CREDENTIAL, KINDS: list(kinds)})


def _as_list(value: Any) -> Any:
    if value is None:
        return []
    return [value] if isinstance(value, str) else value


def fallbacks(*kinds: str) -> Any:
    """The type of `fallback`: further credentials, one or several."""
    each = Annotated[str, credential_ref(*kinds, description="A credential's slug or id.")]
    return Annotated[list[each], Field(max_length=5), BeforeValidator(_as_list)]


FALLBACK_HELP = (
    "Credentials tried in this order where the one before has not taken the message. One that may have taken it (no answer in time) is never followed by another."
)

TextList = Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=MAX_RECIPIENTS), BeforeValidator(_as_list)]


class MessageConfig(Config):
    """Common fields."""

    quiet_hours: QuietHours | None = Field(default=None, description="A time of day, in the recipient's zone, in which the message waits.")


def invalid(message: str) -> ActionError:
    """A message that no provider could carry."""
    return ActionError("invalid_config", message)


def distinct(values: list[str]) -> list[str]:
    """Each once, in order, without white space around."""
    return list(dict.fromkeys(value.strip() for value in values if value.strip()))
