"""Every node type's page says what its description says."""

from __future__ import annotations

import pytest

from chalicelib.registry.catalogue import catalogue
from chalicelib.registry.custom import custom_spec
from chalicelib.registry.documentation import page


@pytest.mark.parametrize("type", catalogue().types())
def test_every_type_has_a_page_with_an_example_and_all_its_fields(type):
    spec = catalogue().get(type)
    text = page(spec)
    assert text.startswith(f"# {spec.title}\n\n`{type}`: ")
    assert "## Example" in text
    for name in spec.config_schema().get("properties", {}):
        assert f"| `{name}` |" in text
    for port in spec.ports({}):
        assert f"`{port}`" in text


@pytest.mark.parametrize("type", catalogue().types())
def test_every_example_is_a_config_that_could_be_published(type):
    spec = catalogue().get(type)
    assert spec.example
    assert [issue for issue in spec.check(dict(spec.example)) if issue.severity == "error"] == []


def test_nested_fields_defaults_and_credentials_are_told():
    text = page(catalogue().get("http.request"))
    assert "| `auth.credential` | credential (http) | required |" in text
    assert '| `method` | `"GET"` or `"POST"`' in text
    assert "| `pagination.max_pages` | integer | `10` |" in text
    assert "* Error codes: egress_denied" in text
    assert "up to 3 times" in text


def test_a_pipe_in_a_description_breaks_no_table_and_ones_own_words_come_along():
    document = {
        "type": "a.b",
        "title": "A",
        "documentation": "## Mine",
        "config_schema": {"type": "object", "properties": {"x": {"type": "string", "description": "one | two"}}},
        "http": {"url": "https://a.example"},
        "example": {"x": "1"},
    }
    text = page(custom_spec(document, catalogue().get("http.request")))
    assert "| `x` | string |  | one \\| two |" in text
    assert "## Mine" in text
