"""Chaos tests start products of their own, since they kill their processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.recorder import Recorder


@pytest.fixture
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """A witness for one test."""
    started = Recorder(tmp_path_factory.mktemp("recorder"))
    yield started
    started.stop()
