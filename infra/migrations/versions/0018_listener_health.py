"""A workflow trigger whose workflow is deleted is unhealthy, and that is kept as a fact like every other change of health."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS = """
CREATE FUNCTION judge_listener() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.unhealthy_reason := 'the workflow it listens to was deleted';
  RETURN NEW;
END $$;
CREATE TRIGGER triggers_judge_listener BEFORE UPDATE OF source_workflow_id ON triggers FOR EACH ROW
  WHEN (OLD.source_workflow_id IS NOT NULL AND NEW.source_workflow_id IS NULL) EXECUTE FUNCTION judge_listener();
-- A trigger of unhealthy_reason does not see what a trigger before it changed there. What is deleted together with the workflow has no health any more.
CREATE FUNCTION note_listener() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO trigger_health (trigger_id, state, reason) SELECT id, 'unhealthy', NEW.unhealthy_reason FROM triggers WHERE id = NEW.id;
  RETURN NULL;
END $$;
CREATE TRIGGER triggers_note_listener AFTER UPDATE OF source_workflow_id ON triggers FOR EACH ROW
  WHEN (OLD.source_workflow_id IS NOT NULL AND NEW.source_workflow_id IS NULL) EXECUTE FUNCTION note_listener();
"""


def upgrade() -> None:
    """Let the database judge and note it."""
    op.get_bind().connection.cursor().execute(STATEMENTS)
