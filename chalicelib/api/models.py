"""What request bodies have in common: fields nobody knows are refused, text is text, and every problem is named with its JSON Pointer."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chalicelib.core.errors import ValidationFailed
from chalicelib.core.jsontext import is_clean
from chalicelib.definitions.complaints import complaints

M = TypeVar("M", bound=BaseModel)


class Model(BaseModel):
    """Base of all bodies. Strict: `"1"` is no number and 1 no boolean."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Answer(BaseModel):
    """Base of the models that only describe answers in the OpenAPI document."""

    model_config = ConfigDict(extra="allow")


def _clean(text: str) -> str:
    if not is_clean(text):
        raise ValueError("may not hold NUL or a lone surrogate")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("may not be blank")
    return text


Text = Annotated[str, AfterValidator(_clean)]
Name = Annotated[Text, AfterValidator(_not_blank), Field(min_length=1, max_length=200)]
Slug = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


def unset() -> Any:
    """The default of a field that may be left out but not be null; pydantic does not check defaults."""
    return Field(default_factory=lambda: None)


def parse(model: type[M], value: Any, prefix: str = "") -> M:
    """Validate. Raises ValidationFailed with every problem."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise ValidationFailed(complaints(error, prefix)) from None
