"""Alembic's entry: one transaction for all pending migrations, under an advisory lock of that transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

LOCK_KEY = 7_011_978
# What is made stands beside what there is (`millrace` is for the functions that applications call), also where the user is called millrace: PostgreSQL would put it into
# the schema of that name.
PLACE = """
SELECT set_config('search_path', quote_ident(coalesce(
  (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('workflows')), current_schema())) || ', millrace', true)
"""

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
        connection.execute(text(PLACE))
        context.run_migrations()
engine.dispose()
