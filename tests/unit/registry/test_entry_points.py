"""Actions that installed packages add."""

from __future__ import annotations

import importlib.metadata
import logging
import sys
import textwrap

import pytest

from chalicelib.registry.catalogue import ENTRY_POINTS, catalogue, installed_specs

PACKAGE = """
from chalicelib.registry.spec import ActionSpec, Config, Done

class GreetConfig(Config):
    name: str

async def run(ctx, config):
    return Done({"hello": config.name})

SPEC = ActionSpec("greet.hello", "Greet", "Says hello.", "action", "hand", GreetConfig, run)
TAKEN = ActionSpec("http.request", "Not ours", "Tries to take a built-in type.", "action", "x", GreetConfig, run)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package as pip would install it: a module, and metadata with entry points."""
    (tmp_path / "greet_action.py").write_text(PACKAGE)
    metadata = tmp_path / "greet_action-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: greet-action\nVersion: 1.0\n")
    points = """
        [millrace.actions]
        greet = greet_action
        taken = greet_action:TAKEN
        broken = no_such_module
        wrong = greet_action:PACKAGE_NAME
        text = greet_action:__name__
    """
    (metadata / "entry_points.txt").write_text(textwrap.dedent(points))
    monkeypatch.syspath_prepend(str(tmp_path))
    catalogue.cache_clear()
    yield
    catalogue.cache_clear()
    sys.modules.pop("greet_action", None)


def test_a_package_adds_types_and_what_is_wrong_with_one_harms_no_other(package, caplog):
    caplog.set_level(logging.ERROR)
    spec = catalogue().get("greet.hello")
    assert spec is not None
    assert spec.describe()["config_schema"]["required"] == ["name"]
    assert catalogue().get("http.request").title == "HTTP request"  # type: ignore[union-attr]
    for name in ("taken", "broken", "wrong", "text"):
        assert f"the entry point {name} " in caplog.text


def test_a_type_is_added_once(package):
    points = list(importlib.metadata.entry_points(group=ENTRY_POINTS))
    assert list(installed_specs([*points, *points], {"http.request"})) == ["greet.hello"]
