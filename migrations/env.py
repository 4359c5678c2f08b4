"""Run by Alembic for each command; the connection and its transaction come from `app.schema`."""

from typing import Any

from alembic import context

import app.tables  # noqa: F401  (every model)
from app.db import Base, Instant, Localised


def render_item(kind: str, item: Any, autogen_context: Any) -> Any:
    """Our own types as what the database stores, so that a migration needs no code of ours."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.BigInteger()"
    if kind == "type" and (isinstance(item, Localised) or type(item).__name__ == "JSON"):
        autogen_context.imports.add("from sqlalchemy.dialects.postgresql import JSONB")
        return "sa.JSON().with_variant(JSONB(), 'postgresql')"
    return False


def leave_out_info(migration: Any, revision: Any, directives: list[Any]) -> None:
    """The classification of personal data stays in the models."""
    for directive in directives:
        for operation in directive.upgrade_ops.ops:
            if hasattr(operation, "info"):
                operation.info = {}


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render_item,
    process_revision_directives=leave_out_info,
    compare_type=True,
    transactional_ddl=False,  # `app.schema` holds the one transaction around everything
)
context.run_migrations()
