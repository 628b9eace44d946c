"""GET /registry/functions: what the builder completes and explains."""

from __future__ import annotations

from chalicelib.core.expressions import library
from tests.support.api import ApiClient


def test_every_function_is_served_with_its_signatures_and_examples(api: ApiClient) -> None:
    answer = api.get("/registry/functions")
    assert answer.status == 200
    assert answer.json["next_cursor"] is None
    served = {(each["category"], each["name"]): each for each in answer.json["items"]}
    assert set(served) == {(each.category, each.name) for each in library.FUNCTIONS}
    upper = served["strings", "upper"]
    assert upper == {
        "name": "upper",
        "category": "strings",
        "summary": "All letters capital, in every script.",
        "method": True,
        "signatures": ["string -> string"],
        "examples": [{"expression": "'äß'.upper()", "value": "ÄSS"}],
    }
    assert api.as_key(None).get("/registry/functions").status == 401
