"""Alembic migrations, run by `python -m infra.migrations upgrade`."""
