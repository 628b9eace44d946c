"""Runs Alembic from code, so that no alembic.ini and no working directory is needed."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from chalicelib.core.config import settings
from chalicelib.core.db import sqlalchemy_url


def _config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = sqlalchemy_url(database_url)
    return config


def upgrade(revision: str = "head", *, database_url: str | None = None) -> None:
    """Migrate; safe to call from several processes at once (an advisory lock in the migration's transaction serialises them)."""
    command.upgrade(_config(database_url or settings().require_database_url()), revision)


def current(*, database_url: str | None = None) -> str | None:
    """The revision the database stands at, None when it is empty."""
    engine = create_engine(sqlalchemy_url(database_url or settings().require_database_url()))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
