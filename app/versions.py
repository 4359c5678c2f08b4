"""Which version this program is, and which migration it and a database stand at, told without the migration engine.

That engine takes a third of the time of a start, and nearly every start finds nothing to migrate (`app.schema` does).
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.pool import NullPool

FOLDER = Path(__file__).parent.parent / "migrations" / "versions"
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)
_BELOW = re.compile(r'^down_revision = "(\w+)"', re.MULTILINE)


@cache
def program() -> str:
    """The version of this program, from the project's own description."""
    described = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(described)["project"]["version"])


@cache
def newest() -> str:
    """The migration that no other builds on. With a forked history any of its ends (`db check` complains)."""
    texts = [path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py")]
    made: set[str] = {name for text in texts for name in _REVISION.findall(text)}
    return max(made - {str(name) for text in texts for name in _BELOW.findall(text)})


def standing(engine: Engine) -> str | None:
    """The migration a database stands at; None for an empty one."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        return None if found is None else str(found)


def is_current(url: str) -> bool:
    """Whether the database at this address needs no migration."""
    engine = create_engine(url, poolclass=NullPool)
    try:
        return standing(engine) == newest()
    finally:
        engine.dispose()
